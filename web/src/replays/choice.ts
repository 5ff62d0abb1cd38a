/** What is to be processed again, and how it is asked for. Pure. */
import type { Mode, PlanRequest } from '../api/replays'
import type { Import } from '../api/types'

export const WHATS = ['failed', 'missing', 'verify', 'all', 'dead_letters'] as const
export type What = (typeof WHATS)[number]

/** How far back, in hours; 0 is as far as there is. */
export const PERIODS = [0, 1, 24, 168] as const

export interface Choice {
  readonly what: What
  /** Of all imports if it is empty. */
  readonly imports: readonly string[]
  /** Why files failed. For any reason if it is empty. */
  readonly reasons: readonly string[]
  readonly hours: number
  /** Whether files that are stored already are downloaded again. */
  readonly force: boolean
}

/** A filter is required, so that nobody selects everything by mistake. This one says what the mode means anyway. */
const OUTCOMES: Readonly<Record<Mode, readonly string[]>> = {
  failed: ['failed'],
  missing: ['none'],
  verify: ['stored', 'unchanged'],
  all: ['stored', 'unchanged', 'failed', 'none'],
}

export function planRequest({ what, imports, reasons, hours, force }: Choice, now: number): PlanRequest {
  const mode: Mode = what === 'dead_letters' ? 'all' : what
  const since = hours === 0 ? {} : { since: new Date(now - hours * 3_600_000).toISOString() }
  const why = what === 'failed' && reasons.length > 0 ? { reasons: [...reasons] } : {}
  const which = { ...(imports.length === 0 ? {} : { imports: [...imports] }), ...why }
  const anyhow = Object.keys(which).length === 0 ? { outcomes: OUTCOMES[mode] } : {}
  const filter = what === 'dead_letters' ? { dead_letters: true } : anyhow
  const select = { ...filter, ...which, ...since }
  return { mode, select, ...(what === 'all' && force ? { transfer: 'force' as const } : {}) }
}

/** Why files of these imports failed, and how many did. */
export function reasonsOf(imports: readonly Pick<Import, 'failures'>[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [reason, count] of imports.flatMap(({ failures }) => Object.entries(failures))) {
    if (count > 0) counts.set(reason, count + (counts.get(reason) ?? 0))
  }
  return counts
}
