import { formatMoment, formatSecond } from '../text/format'

interface Props {
  readonly at: Date
  /** The time of day to the second, whatever the day. */
  readonly precise?: boolean
}

/** A moment in the reader's own zone and habit; the exact one on hovering. */
export function Time({ at, precise = false }: Props) {
  const iso = at.toISOString()
  return (
    <time dateTime={iso} title={iso}>
      {precise ? formatSecond(at) : formatMoment(at)}
    </time>
  )
}
