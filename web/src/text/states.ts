import type { Import } from '../api/types'
import { t } from './language'

export type Tone = 'busy' | 'good' | 'warning' | 'bad' | 'quiet'

interface Words {
  readonly label: string
  readonly tone: Tone
}

const TONES = new Map<string, Tone>([
  ['queued', 'busy'],
  ['listing', 'busy'],
  ['transferring', 'busy'],
  ['completed', 'good'],
  ['completed_with_failures', 'warning'],
  ['failed', 'bad'],
  ['pending', 'busy'],
  ['stored', 'good'],
  ['unchanged', 'good'],
])

export function stateWords(state: string): Words {
  return wordsFor(state, t().report.states)
}

export function fileStateWords(state: string): Words {
  return wordsFor(state, t().report.fileStates)
}

function wordsFor(state: string, labels: Readonly<Record<string, string>>): Words {
  // A state from outside may be the name of a property that every object has.
  const label = Object.hasOwn(labels, state) ? labels[state] : undefined
  return { label: label ?? state, tone: TONES.get(state) ?? 'quiet' }
}

/** Whether nothing is left to do. A paused import has not ended. */
export function hasEnded({ state }: Pick<Import, 'state'>): boolean {
  return state === 'completed' || state === 'completed_with_failures' || state === 'failed' || state === 'cancelled'
}

/** Whether the counts can still change from second to second. */
export function isRunning({ state }: Pick<Import, 'state'>): boolean {
  return state === 'queued' || state === 'listing' || state === 'transferring'
}

/** Whether more files may still be found. Until then a percentage would be meaningless. */
export function isListing(one: Pick<Import, 'state' | 'foldersFound' | 'foldersListed' | 'foldersFailed'>): boolean {
  // These two states do not say how far the listing had come.
  const stopped = one.state === 'paused' || one.state === 'cancelled'
  const unlisted = one.foldersFound === 0 || one.foldersListed + one.foldersFailed < one.foldersFound
  return one.state === 'queued' || one.state === 'listing' || (stopped && unlisted)
}
