/** Replays: what one would do, what one does, and the calls about them. */
import { call, posted } from './http'
import { nextPath } from './link'
import { waitingOf } from './parse'
import { apiPath } from './path'
import type { Page, Waiting } from './types'
import { count, fieldsOf, flag, list, number, optional, tally, text, time, type Value } from './values'

export type Mode = 'failed' | 'missing' | 'verify' | 'all'

/** Which files. Each that is set narrows it down. */
export interface ReplaySelection {
  readonly imports: readonly string[]
  readonly folders: readonly string[]
  readonly files: readonly string[]
  readonly outcomes: readonly string[]
  readonly reasons: readonly string[]
  readonly since: Date | null
  readonly until: Date | null
  readonly deadLetters: boolean
}

/** What is asked of `POST /replays/plan`. */
export interface PlanRequest {
  readonly mode: Mode
  readonly select: Readonly<Record<string, unknown>>
  readonly transfer?: 'force'
}

/** What a replay would do. Nothing has been started. */
export interface Plan {
  readonly id: string
  readonly files: number
  readonly bytes: number
  readonly quotaUnits: number
  /** How long the downloads take with today's quota; null if that is not known. */
  readonly seconds: number | null
  /** Files that change nothing, because their objects are there. */
  readonly noOp: number
  readonly byOutcome: Readonly<Record<string, number>>
  readonly byReason: Readonly<Record<string, number>>
  readonly imports: number
  /** Imports that are paused or cancelled. Their files are in none of the counts. */
  readonly leftOut: number
  readonly unreadable: number
  readonly samples: readonly string[]
  /** From when on the log is whole. */
  readonly earliest: Date | null
  /** Manifests that were not counted yet. */
  readonly unread: number
  readonly madeAt: Date
}

export interface Replay {
  readonly id: string
  readonly state: string
  readonly name: string
  readonly why: string
  readonly by: string | null
  readonly message: string | null
  readonly waitingFor: Waiting | null
  readonly selected: number
  readonly stored: number
  readonly unchanged: number
  readonly failed: number
  readonly pending: number
  readonly failures: Readonly<Record<string, number>>
  readonly storedBytes: number
  /** Records that were published again as they are, such as dead letters. */
  readonly redriven: number
  readonly filesPerSecond: number | null
  readonly plan: Planned
  readonly requestedAt: Date | null
  readonly updatedAt: Date | null
  readonly finishedAt: Date | null
}

export interface Planned {
  readonly mode: string
  readonly transfer: string
  readonly target: string | null
  readonly select: ReplaySelection
  readonly files: number
  readonly bytes: number
  readonly most: number | null
}

/** How far one partition of the log has been read. */
export interface ReplayPart {
  readonly partition: number
  readonly offset: number
  readonly end: number
  readonly readAt: Date | null
  readonly done: boolean
}

export interface ReplayReport extends Replay {
  readonly parts: readonly ReplayPart[]
  /** Some of the files that have no outcome yet. */
  readonly pendingFiles: readonly string[]
}

export interface ReplayStart {
  readonly planId: string
  readonly name: string
  readonly why: string
  readonly filesPerSecond: number | null
}

export type ReplayControl = 'pause' | 'resume' | 'cancel'

export const FIRST_REPLAYS_PATH = apiPath('/replays')

/** Newest first. */
export async function fetchReplays(path: string, signal: AbortSignal): Promise<Page<Replay>> {
  const { json, link } = await call(path, { signal })
  return { items: list({ json, at: 'replays' }, replayOf), next: nextPath(link, path) }
}

export async function fetchReplay(id: string, signal: AbortSignal): Promise<ReplayReport> {
  return parseReplayReport((await call(apiPath('/replays/{replay_id}', { replay_id: id }), { signal })).json)
}

/** Counts what a replay would do, and starts nothing. */
export async function planReplay(request: PlanRequest): Promise<Plan> {
  return parsePlan((await call(apiPath('/replays/plan'), posted(request))).json)
}

/** The id of the replay. Starts one per key, however often the call is repeated. */
export async function startReplay(start: ReplayStart, key: string): Promise<string> {
  const { json } = await call('/replays', posted(startBody(start), { 'idempotency-key': key }))
  return fieldsOf<'ReplayStarted'>({ json, at: 'response' })('replay_id', text)
}

export function startBody({ planId, name, why, filesPerSecond }: ReplayStart) {
  return { plan_id: planId, name, why, ...(filesPerSecond === null ? {} : { files_per_second: filesPerSecond }) }
}

export async function controlReplay(id: string, control: ReplayControl): Promise<ReplayReport> {
  return parseReplayReport((await call(apiPath(`/replays/{replay_id}/${control}`, { replay_id: id }), { method: 'POST' })).json)
}

/** Null is no limit. */
export async function changeRate(id: string, filesPerSecond: number | null): Promise<ReplayReport> {
  const body = posted({ files_per_second: filesPerSecond })
  return parseReplayReport((await call(apiPath('/replays/{replay_id}', { replay_id: id }), { ...body, method: 'PATCH' })).json)
}

export function parseReplay(json: unknown): Replay {
  return replayOf({ json, at: 'replay' })
}

export function parseReplayReport(json: unknown): ReplayReport {
  const value = { json, at: 'replay' }
  const field = fieldsOf<'ReplayReport'>(value)
  return {
    ...replayOf(value),
    parts: field('partitions', (parts) => list(parts, partOf)),
    pendingFiles: field('pending_files', (files) => list(files, (file) => fieldsOf<'ReplayFile'>(file)('name', text))),
  }
}

export function parsePlan(json: unknown): Plan {
  const field = fieldsOf<'PlanReport'>({ json, at: 'plan' })
  return {
    id: field('plan_id', text),
    files: field('files', count),
    bytes: field('bytes', count),
    quotaUnits: field('quota_units', count),
    seconds: field('seconds', optional(number)),
    noOp: field('no_op', count),
    byOutcome: field('by_outcome', tally),
    byReason: field('by_reason', tally),
    imports: field('imports', count),
    leftOut: field('left_out', count),
    unreadable: field('unreadable', count),
    samples: field('samples', (samples) => list(samples, (sample) => fieldsOf<'Sample'>(sample)('name', text))),
    earliest: field('earliest', optional(time)),
    unread: field('unread', count),
    madeAt: field('made_at', time),
  }
}

function replayOf(value: Value): Replay {
  const field = fieldsOf<'ReplayView'>(value)
  return {
    id: field('id', text),
    state: field('state', text),
    name: field('name', text),
    why: field('why', text),
    by: field('by', optional(text)),
    message: field('message', optional(text)),
    waitingFor: field('waiting_for', optional(waitingOf)),
    selected: field('selected', count),
    stored: field('stored', count),
    unchanged: field('unchanged', count),
    failed: field('failed', count),
    pending: field('pending', count),
    failures: field('failures', tally),
    storedBytes: field('stored_bytes', count),
    redriven: field('redriven', count),
    filesPerSecond: field('files_per_second', optional(count)),
    plan: field('plan', plannedOf),
    requestedAt: field('requested_at', optional(time)),
    updatedAt: field('updated_at', optional(time)),
    finishedAt: field('finished_at', optional(time)),
  }
}

function plannedOf(value: Value): Planned {
  const field = fieldsOf<'Planned'>(value)
  return {
    mode: field('mode', text),
    transfer: field('transfer', text),
    target: field('target', optional(text)),
    select: field('select', selectionOf),
    files: field('files', count),
    bytes: field('bytes', count),
    most: field('most', optional(count)),
  }
}

function selectionOf(value: Value): ReplaySelection {
  const field = fieldsOf<'Selection'>(value)
  const texts = (each: Value) => list(each, text)
  return {
    imports: field('imports', texts),
    folders: field('folders', texts),
    files: field('files', texts),
    outcomes: field('outcomes', texts),
    reasons: field('reasons', texts),
    since: field('since', optional(time)),
    until: field('until', optional(time)),
    deadLetters: field('dead_letters', flag),
  }
}

function partOf(value: Value): ReplayPart {
  const field = fieldsOf<'ReplayPart'>(value)
  return {
    partition: field('partition', count),
    offset: field('offset', count),
    end: field('end', count),
    readAt: field('read_at', optional(time)),
    done: field('done', flag),
  }
}
