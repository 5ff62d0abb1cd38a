import { useEffect, useState } from 'react'
import type { Import } from '../api/types'
import { isRunning } from '../text/states'
import { averageRate, doneCount, rateBetween, type Rate, type Sample } from './progress'

const WINDOW_MS = 10_000

/** The present in milliseconds, moving once a second while `running`. */
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
 * The speed of the last ten seconds while an import runs, of its whole life otherwise. Looks are
 * taken by the clock, not by answers: an import that stands still must be seen to slow down.
 */
export function useLiveRate(one: Import, now: number): Rate | null {
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const [lookedAt, setLookedAt] = useState<number | null>(null)
  if (isRunning(one) && lookedAt !== now) {
    const look = { at: now, done: doneCount(one), bytes: one.storedBytes }
    setLookedAt(now)
    setSamples([...samples.filter(({ at }) => at >= now - WINDOW_MS), look])
  }
  const first = samples[0]
  const last = samples.at(-1)
  const live = isRunning(one) && first && last ? rateBetween(first, last) : null
  return live ?? averageRate(one)
}
