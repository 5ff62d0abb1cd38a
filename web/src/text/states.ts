import type { Import } from '../api/types'

export type Tone = 'busy' | 'good' | 'warning' | 'bad' | 'quiet'

interface Words {
  readonly label: string
  readonly tone: Tone
}

const STATES = new Map<string, Words>([
  ['queued', { label: 'Queued', tone: 'busy' }],
  ['listing', { label: 'Listing and copying', tone: 'busy' }],
  ['transferring', { label: 'Copying', tone: 'busy' }],
  ['completed', { label: 'Completed', tone: 'good' }],
  ['completed_with_failures', { label: 'Completed with failures', tone: 'warning' }],
  ['failed', { label: 'Failed', tone: 'bad' }],
  ['cancelled', { label: 'Cancelled', tone: 'quiet' }],
  ['paused', { label: 'Paused', tone: 'quiet' }],
])

export function stateWords(state: string): Words {
  return STATES.get(state) ?? { label: state, tone: 'quiet' }
}

const FILE_STATES = new Map<string, Words>([
  ['pending', { label: 'Pending', tone: 'busy' }],
  ['stored', { label: 'Stored', tone: 'good' }],
  ['unchanged', { label: 'Unchanged', tone: 'good' }],
  ['failed', { label: 'Failed', tone: 'bad' }],
  ['skipped', { label: 'Skipped', tone: 'quiet' }],
])

export function fileStateWords(state: string): Words {
  return FILE_STATES.get(state) ?? { label: state, tone: 'quiet' }
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
