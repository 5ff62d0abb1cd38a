import { useEffect, useState } from 'react'
import type { Import } from '../api/types'
import { isRunning } from '../text/states'
import { averageRate, doneCount, rateBetween, type Rate, type Sample } from './progress'

const WINDOW_MS = 10_000

/** The current time in milliseconds, updated once a second while `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!running) return undefined
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [running])
  return now
}

/**
 * The speed over the last ten seconds while an import runs, or over its whole duration once it has
 * ended. Samples are taken by the clock, not per response, so that a stalled import slows to 0.
 */
export function useLiveRate(one: Import, now: number): Rate | null {
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const [sampledAt, setSampledAt] = useState<number | null>(null)
  if (isRunning(one) && sampledAt !== now) {
    const sample = { at: now, done: doneCount(one), bytes: one.storedBytes }
    setSampledAt(now)
    setSamples([...samples.filter(({ at }) => at >= now - WINDOW_MS), sample])
  }
  const first = samples[0]
  const last = samples.at(-1)
  const live = isRunning(one) && first && last ? rateBetween(first, last) : null
  return live ?? averageRate(one)
}
