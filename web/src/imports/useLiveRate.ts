import { useEffect, useState } from 'react'
import { serverNow } from '../api/clock'
import type { Import } from '../api/types'
import { useRates } from '../queries'
import { isRunning } from '../text/states'
import { averageRate, doneCount, rateBetween, type Rate, type Sample } from './progress'

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

/** The speed lately while an import runs, by the event stream, or over its whole duration once it has ended. */
export function useLiveRate(one: Import, now: number): Rate | null {
  const sampled = useSampledRate(one, now)
  const told = useRates(one.id)
  if (!isRunning(one)) return averageRate(one)
  if (told !== null) return { files: told.stored + told.failed, bytes: told.bytes }
  return sampled ?? averageRate(one)
}

/**
 * Over the last ten seconds, for when no monitor runs. Samples are taken by the clock, not per response,
 * so that a stalled import slows to 0.
 */
function useSampledRate(one: Import, now: number): Rate | null {
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const [sampledAt, setSampledAt] = useState<number | null>(null)
  if (isRunning(one) && sampledAt !== now) {
    const sample = { at: now, done: doneCount(one), bytes: one.storedBytes }
    setSampledAt(now)
    setSamples([...samples.filter(({ at }) => at >= now - WINDOW_MS), sample])
  }
  const first = samples[0]
  const last = samples.at(-1)
  return first && last ? rateBetween(first, last) : null
}
