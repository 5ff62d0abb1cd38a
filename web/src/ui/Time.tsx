import { formatMoment, formatSecond } from '../text/format'

interface Props {
  readonly at: Date
  /** Only the time of day, to the second. */
  readonly precise?: boolean
}

/** A time in the reader's own zone and format, with the exact time on hover. */
export function Time({ at, precise = false }: Props) {
  const iso = at.toISOString()
  return (
    <time dateTime={iso} title={iso}>
      {precise ? formatSecond(at) : formatMoment(at)}
    </time>
  )
}
