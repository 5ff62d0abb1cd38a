import { useEffect, useState } from 'react'
import { serverNow } from '../api/clock'
import type { Import } from '../api/types'
import { useRates } from '../queries'
import { isRunning } from '../text/states'
import { averageRate, doneCount, rateBetween, secondsSpent, type Rate, type Sample } from './progress'

const WINDOW_MS = 10_000

/** The server's time in milliseconds, updated once a second while `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(serverNow)
  useEffect(() => {
    if (!running) return undefined
    const timer = setInterval(() => setNow(serverNow()), 1_000)
    return () => clearInterval(timer)
  }, [running])
  return now
}

export interface Speed {
  /** Null while nothing is known that is worth the name. */
  readonly lately: Rate | null
  /** Since this page watches it run; null at first. */
  readonly longer: Rate | null
}

/** The event stream tells the speed of so long. */
const TOLD_MS = 30_000

/**
 * The speed while an import runs, or over its whole duration once it has ended. While it runs, the whole duration says
 * nothing: it may have been paused for a night. What the stream tells may count a pause as well, until this page has seen
 * it run for as long.
 */
export function useSpeed(one: Import, now: number): Speed {
  const sampled = useSampledRate(one, now)
  const from = useBeginning(one, now)
  const told = useRates(one.id)
  if (!isRunning(one)) return { lately: averageRate(one), longer: null }
  const longer = from === null ? null : rateBetween(from, sampleOf(one, now))
  const ofStream = told === null ? null : { files: told.stored + told.failed, bytes: told.bytes }
  const hasJustBegun = from === null || now - from.at < TOLD_MS
  const isNew = (secondsSpent(one, new Date(now)) ?? Infinity) * 1_000 < TOLD_MS
  const sofar = isNew ? averageRate(one) : null
  return { lately: hasJustBegun ? (sampled ?? sofar) : (ofStream ?? sampled), longer }
}

/** When this page first saw it run, or run again. */
function useBeginning(one: Import, now: number): Sample | null {
  const [from, setFrom] = useState<Sample | null>(null)
  const running = isRunning(one)
  if (running === (from === null)) setFrom(running ? sampleOf(one, now) : null)
  return from
}

function sampleOf(one: Import, at: number): Sample {
  return { at, done: doneCount(one), bytes: one.storedBytes }
}

/** Over the last ten seconds. Samples are taken by the clock, not per response, so that a stalled import slows to 0. */
function useSampledRate(one: Import, now: number): Rate | null {
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const [sampledAt, setSampledAt] = useState<number | null>(null)
  if (isRunning(one) && sampledAt !== now) {
    setSampledAt(now)
    setSamples([...samples.filter(({ at }) => at >= now - WINDOW_MS), sampleOf(one, now)])
  }
  const first = samples[0]
  const last = samples.at(-1)
  return first && last ? rateBetween(first, last) : null
}
