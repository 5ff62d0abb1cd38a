/** The minutes of the last hour as points of a chart. Pure. */
import type { Minute, System } from './system'

const MINUTE_S = 60
const HOUR_MINUTES = 60

export interface Points {
  /** In seconds since 1970, each minute once. */
  readonly times: number[]
  /** Null where nobody counted. */
  readonly files: (number | null)[]
  readonly failed: (number | null)[]
  readonly megabytes: (number | null)[]
}

export interface Hour {
  readonly minutes: readonly Minute[]
  readonly points: Points
  readonly sum: { readonly files: number; readonly failed: number; readonly bytes: number }
  readonly busiest: Minute | null
}

export function hourOf({ minutes, asOf }: Pick<System, 'minutes' | 'asOf'>): Hour {
  const now = asOf.getTime() / 1000
  const known = new Map(minutes.map((minute) => [minute.start.getTime() / 1000, minute]))
  // The minute that is not over would look like a fall.
  const last = Math.floor(now / MINUTE_S) * MINUTE_S - MINUTE_S
  const times = Array.from({ length: HOUR_MINUTES }, (_, index) => last - (HOUR_MINUTES - 1 - index) * MINUTE_S)
  const at = times.map((time) => known.get(time))
  return {
    minutes,
    points: {
      times,
      files: at.map((minute) => (minute === undefined ? null : filesIn(minute))),
      failed: at.map((minute) => minute?.failed ?? null),
      megabytes: at.map((minute) => (minute === undefined ? null : minute.bytes / 1e6)),
    },
    sum: {
      files: minutes.reduce((sum, minute) => sum + filesIn(minute), 0),
      failed: minutes.reduce((sum, { failed }) => sum + failed, 0),
      bytes: minutes.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    busiest: minutes.filter((minute) => filesIn(minute) > 0).toSorted((a, b) => filesIn(b) - filesIn(a))[0] ?? null,
  }
}

/** With an object in the store. */
export function filesIn({ stored, unchanged }: Minute): number {
  return stored + unchanged
}
