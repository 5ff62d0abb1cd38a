/** What the page says before the first import. */
export function Welcome() {
  return (
    <section className="welcome" aria-labelledby="welcome">
      <h2 id="welcome">Nothing imported yet</h2>
      <ol>
        <li>
          <b>Paste a link above.</b> Subfolders come along; what is no image is left out, and counted.
        </li>
        <li>
          <b>Watch the pictures arrive.</b> You may close this page: the import goes on without it.
        </li>
        <li>
          <b>Read what became of each file.</b> Found is always stored, unchanged, failed and pending
          together, and each failure has its reason.
        </li>
      </ol>
    </section>
  )
}
