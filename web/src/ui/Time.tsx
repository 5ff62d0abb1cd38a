const MINUTES = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const SECONDS = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

interface Props {
  readonly at: Date
  /** The time of day to the second, without the date. */
  readonly precise?: boolean
}

/** A moment in the reader's own zone and habit; the exact one on hovering. */
export function Time({ at, precise = false }: Props) {
  const iso = at.toISOString()
  return (
    <time dateTime={iso} title={iso}>
      {(precise ? SECONDS : MINUTES).format(at)}
    </time>
  )
}
