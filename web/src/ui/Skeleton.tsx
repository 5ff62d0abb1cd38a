/** Grey lines in place of content that is loading. Screen readers read `label`. */
export function Skeleton({ label, lines }: { label: string; lines: number }) {
  return (
    <div className="skeleton" role="status">
      <span className="visually-hidden">{label}…</span>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} className="skeleton-line" />
      ))}
    </div>
  )
}
