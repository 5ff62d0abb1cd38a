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

/** Whether the counts can still change from second to second. */
export function isRunning({ state }: Pick<Import, 'state'>): boolean {
  return state === 'queued' || state === 'listing' || state === 'transferring'
}

/** Whether more files may still be found. Until then a percentage would be meaningless. */
export function isListing({ state }: Pick<Import, 'state'>): boolean {
  return state === 'queued' || state === 'listing'
}
