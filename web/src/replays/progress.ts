/** Calculations on a replay's counts. Pure. */
import type { Replay, ReplayPart } from '../api/replays'
import type { ImportCounts } from '../api/types'
import { percentOf } from '../text/format'
import { t } from '../text/language'
import type { Tone } from '../text/states'

const TONES: Readonly<Record<string, Tone>> = { planned: 'busy', running: 'busy', completed: 'good', failed: 'bad' }

export function replayState(state: string): { readonly label: string; readonly tone: Tone } {
  const labels: Readonly<Record<string, string>> = t().replays.states
  // A state from outside may be the name of a property that every object has.
  const label = Object.hasOwn(labels, state) ? labels[state] : undefined
  return { label: label ?? state, tone: Object.hasOwn(TONES, state) ? (TONES[state] ?? 'quiet') : 'quiet' }
}

export function hasEnded({ state }: Pick<Replay, 'state'>): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled'
}

/** As an import's counts: what was selected is what was found. */
export function countsOf({ selected, stored, unchanged, failed, pending }: Replay): ImportCounts {
  return { found: selected, stored, unchanged, failed, pending }
}

/** 0 to 100; null while not everything has been selected. */
export function percentDone(one: Replay, parts: readonly ReplayPart[]): number | null {
  if (one.state === 'planned' || (!hasEnded(one) && parts.some(({ done }) => !done))) return null
  return one.selected === 0 ? null : percentOf(one.selected - one.pending, one.selected)
}

/** How much of the log has been read. */
export function partsRead(parts: readonly ReplayPart[]): { readonly done: number; readonly all: number } {
  return { done: parts.filter(({ done }) => done).length, all: parts.length }
}

/** The rate that a text asks for; null for none, undefined if it is no such number. */
export function rateOf(text: string): number | null | undefined {
  if (text.trim() === '') return null
  const rate = Number(text)
  return Number.isInteger(rate) && rate >= 1 && rate <= 1_000_000 ? rate : undefined
}
