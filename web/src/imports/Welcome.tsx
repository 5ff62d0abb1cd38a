/** Shown before the first import. */
export function Welcome() {
  return (
    <section className="welcome" aria-labelledby="welcome">
      <h2 id="welcome">Nothing imported yet</h2>
      <ol>
        <li>
          <b>Paste a folder link above.</b> Subfolders are included. Files that are not images are skipped and counted.
        </li>
        <li>
          <b>Watch the images arrive.</b> You can close this page; the import continues.
        </li>
        <li>
          <b>See what happened to each file.</b> Every file found is counted as stored, unchanged, failed or pending, and
          every failure has a reason.
        </li>
      </ol>
    </section>
  )
}
