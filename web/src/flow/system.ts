/** What the API says about the whole system, about its topics, and about its dead letters. */
import { call, posted } from '../api/http'
import { nextPath } from '../api/link'
import { apiPath } from '../api/path'
import type { Page } from '../api/types'
import { count, fieldsOf, list, number, optional, tally, text, time, type Parser, type Value } from '../api/values'

export interface PartitionLag {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly end: number
  readonly messages: number
  readonly seconds: number | null
  readonly secondsToClear: number | null
}

export interface Worker {
  readonly id: string
  readonly service: string
  readonly state: string
  readonly reportedAt: Date
  readonly waitingFor: { readonly reason: string; readonly message: string } | null
  readonly holds: readonly string[]
  readonly inFlight: number
  readonly concurrency: number
  /** Where its work is on average, by place. */
  readonly inHand: Readonly<Record<string, number>>
  readonly busy: number
  readonly memoryUsed: number
  readonly memoryLimit: number
}

export interface Minute {
  readonly start: Date
  readonly found: number
  readonly stored: number
  readonly unchanged: number
  readonly failed: number
  readonly bytes: number
}

export interface QuotaPart {
  readonly work: string
  readonly limit: number | null
  readonly allowed: number | null
  readonly used: number
  readonly waiting: number
}

export interface System {
  readonly asOf: Date
  readonly limit: { readonly reason: string; readonly message: string }
  readonly lag: readonly PartitionLag[]
  readonly lagAsOf: Date | null
  readonly workers: readonly Worker[]
  readonly workersKnown: number
  readonly quota: { readonly unit: string; readonly limit: number | null; readonly used: number; readonly parts: readonly QuotaPart[] }
  readonly minutes: readonly Minute[]
  readonly deadLetters: number | null
  readonly unknown: readonly string[]
}

/** The beginning of some bytes. */
export interface Shown {
  readonly isText: boolean
  readonly data: string
  readonly size: number
}

export interface DeadLetter {
  readonly number: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly at: Date
  readonly reason: string
  readonly message: string
  readonly key: Shown
  readonly value: Shown
}

export interface TopicEvent {
  readonly partition: number
  readonly offset: number
  readonly at: Date
  /** Null if it cannot be read as an event of its topic. */
  readonly type: string | null
  readonly key: Shown
  readonly headers: Readonly<Record<string, string>>
  readonly value: Shown
}

export interface RedrivePlan {
  readonly planId: string
  readonly records: number
  readonly bytes: number
  /** By topic. */
  readonly byTopic: Readonly<Record<string, number>>
  readonly quotaUnits: number
}

const LETTERS_PER_PAGE = 20

export async function fetchSystem(signal: AbortSignal): Promise<System> {
  return systemOf({ json: (await call(apiPath('/system'), { signal })).json, at: 'system' })
}

export async function fetchTopicEvents(name: string, signal: AbortSignal): Promise<TopicEvent[]> {
  const { json } = await call(apiPath('/topics/{name}/events', { name }, { limit: 20 }), { signal })
  return list({ json, at: 'events' }, eventOf)
}

export const FIRST_LETTERS = apiPath('/dead-letters', {}, { limit: LETTERS_PER_PAGE })

export async function fetchLetters(path: string, signal: AbortSignal): Promise<Page<DeadLetter>> {
  const { json, link } = await call(path, { signal })
  return { items: list({ json, at: 'letters' }, letterOf), next: nextPath(link, path) }
}

/** Of all dead letters. */
export const REDRIVE = { mode: 'all', select: { dead_letters: true } } as const

/** Counts what publishing all dead letters again would do. Nothing is published. */
export async function planRedrive(): Promise<RedrivePlan> {
  return planOf({ json: (await call(apiPath('/replays/plan'), posted(REDRIVE))).json, at: 'plan' })
}

export interface Redrive {
  readonly planId: string
  readonly name: string
  readonly why: string
  readonly key: string
}

/** Starts one replay per key; the replay's id. */
export async function startRedrive({ planId, name, why, key }: Redrive): Promise<string> {
  const request = posted({ plan_id: planId, name, why }, { 'idempotency-key': key })
  const { json } = await call(apiPath('/replays'), request)
  return fieldsOf<'ReplayStarted'>({ json, at: 'response' })('replay_id', text)
}

function systemOf(value: Value): System {
  const field = fieldsOf<'System'>(value)
  return {
    asOf: field('as_of', time),
    limit: field('limit', limitOf),
    lag: field('lag', (lag) => list(lag, lagOf)),
    lagAsOf: field('lag_as_of', optional(time)),
    workers: field('workers', (workers) => list(workers, workerOf)),
    workersKnown: field('workers_known', count),
    quota: field('quota', quotaOf),
    minutes: field('rates', (rates) => fieldsOf<'Rates'>(rates)('minutes', (minutes) => list(minutes, minuteOf))),
    deadLetters: field('dead_letters', optional(count)),
    unknown: field('unknown', (said) => list(said, text)),
  }
}

function limitOf(value: Value): System['limit'] {
  const field = fieldsOf<'SpeedLimit'>(value)
  return { reason: field('reason', text), message: field('message', text) }
}

function lagOf(value: Value): PartitionLag {
  const field = fieldsOf<'PartitionLag'>(value)
  return {
    group: field('group', text),
    topic: field('topic', text),
    partition: field('partition', count),
    end: field('end', count),
    messages: field('messages', count),
    seconds: field('seconds', optional(number)),
    secondsToClear: field('seconds_to_clear', optional(number)),
  }
}

function workerOf(value: Value): Worker {
  const field = fieldsOf<'Worker'>(value)
  return {
    id: field('id', text),
    service: field('service', text),
    state: field('state', text),
    reportedAt: field('reported_at', time),
    waitingFor: field('waiting_for', optional(waitOf)),
    holds: field('holds', (holds) => list(holds, text)),
    inFlight: field('in_flight', count),
    concurrency: field('concurrency', count),
    inHand: field('in_hand', recordOf(number)),
    busy: field('busy', number),
    memoryUsed: field('memory_used', count),
    memoryLimit: field('memory_limit', count),
  }
}

function waitOf(value: Value): NonNullable<Worker['waitingFor']> {
  const field = fieldsOf<'Waiting'>(value)
  return { reason: field('reason', text), message: field('message', text) }
}

function quotaOf(value: Value): System['quota'] {
  const field = fieldsOf<'Quota'>(value)
  return {
    unit: field('unit', text),
    limit: field('limit', optional(count)),
    used: field('used', count),
    parts: field('parts', (parts) => list(parts, partOf)),
  }
}

function partOf(value: Value): QuotaPart {
  const field = fieldsOf<'QuotaPart'>(value)
  return {
    work: field('work', text),
    limit: field('limit', optional(count)),
    allowed: field('allowed', optional(count)),
    used: field('used', count),
    waiting: field('waiting', count),
  }
}

function minuteOf(value: Value): Minute {
  const field = fieldsOf<'MinuteCounts'>(value)
  return {
    start: field('start', time),
    found: field('found', count),
    stored: field('stored', count),
    unchanged: field('unchanged', count),
    failed: field('failed', count),
    bytes: field('bytes', count),
  }
}

function letterOf(value: Value): DeadLetter {
  const field = fieldsOf<'DeadLetter'>(value)
  return {
    number: field('number', count),
    topic: field('topic', text),
    partition: field('partition', count),
    offset: field('offset', count),
    at: field('at', time),
    reason: field('reason', text),
    message: field('message', text),
    key: field('key', shownOf),
    value: field('value', shownOf),
  }
}

function eventOf(value: Value): TopicEvent {
  const field = fieldsOf<'TopicEvent'>(value)
  return {
    partition: field('partition', count),
    offset: field('offset', count),
    at: field('at', time),
    type: field('type', optional(text)),
    key: field('key', shownOf),
    headers: field('headers', recordOf(text)),
    value: field('value', shownOf),
  }
}

function shownOf(value: Value): Shown {
  const field = fieldsOf<'ShownBytes'>(value)
  return { isText: field('encoding', text) === 'utf-8', data: field('data', text), size: field('size', count) }
}

function planOf(value: Value): RedrivePlan {
  const field = fieldsOf<'PlanReport'>(value)
  return {
    planId: field('plan_id', text),
    records: field('files', count),
    bytes: field('bytes', count),
    byTopic: field('by_outcome', tally),
    quotaUnits: field('quota_units', count),
  }
}

function recordOf<T>(parse: Parser<T>): Parser<Record<string, T>> {
  return (value) => {
    const names = Object.keys((value.json ?? {}) as Record<string, unknown>)
    const field = fieldsOf<never>(value) as (name: string, parse: Parser<T>) => T
    return Object.fromEntries(names.map((name) => [name, field(name, parse)]))
  }
}
