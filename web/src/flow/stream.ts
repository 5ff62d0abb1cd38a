/** How fast each topic is written and read, from one look at the system to the next. Pure. */
import type { PartitionLag, System } from './system'

/** Rates are of so much time, so that they are neither noise nor old. */
const RATE_MS = 30_000
const LEAST_MS = 1_500

export interface Reader {
  readonly group: string
  readonly topic: string
  readonly messages: number
  /** How long the oldest message has waited; null if that is not known. */
  readonly seconds: number | null
  readonly secondsToClear: number | null
  /** Messages each second; null if that is not known yet. */
  readonly rate: number | null
  readonly partitions: readonly PartitionLag[]
}

export interface Stream {
  /** By topic: messages each second that are written. */
  readonly written: ReadonlyMap<string, number | null>
  /** By topic: how many messages were ever written. */
  readonly ends: ReadonlyMap<string, number>
  readonly readers: readonly Reader[]
}

/** How far everybody had come at one time. */
export interface Look {
  readonly at: number
  readonly written: ReadonlyMap<string, number>
  readonly read: ReadonlyMap<string, number>
}

export function lookOf({ lag, lagAsOf }: System): Look | null {
  if (lagAsOf === null) return null
  const read = new Map<string, number>()
  for (const { group, topic, end, messages } of lag) {
    read.set(`${group} ${topic}`, (read.get(`${group} ${topic}`) ?? 0) + end - messages)
  }
  return { at: lagAsOf.getTime(), written: endsOf(lag), read }
}

/** The looks that count now, oldest first. A new one that is older than the last replaces all. */
export function withLook(looks: readonly Look[], look: Look | null): readonly Look[] {
  const last = looks.at(-1)
  if (look === null || look.at === last?.at) return looks
  if (last !== undefined && look.at < last.at) return [look]
  return [...looks.filter(({ at }) => look.at - at <= RATE_MS), look]
}

export function streamOf({ lag }: System, looks: readonly Look[]): Stream {
  const [first, last] = [looks[0], looks.at(-1)]
  const seconds = first !== undefined && last !== undefined && last.at - first.at >= LEAST_MS ? (last.at - first.at) / 1000 : null

  function rate(of: 'written' | 'read', name: string): number | null {
    const [before, after] = [first?.[of].get(name), last?.[of].get(name)]
    // A topic that was made anew begins at 0 again.
    if (seconds === null || before === undefined || after === undefined || after < before) return null
    return (after - before) / seconds
  }

  const ends = endsOf(lag)
  const names = [...new Set(lag.map(({ group, topic }) => `${group} ${topic}`))]
  return {
    ends,
    written: new Map([...ends.keys()].map((topic) => [topic, rate('written', topic)])),
    readers: names.map((name) => readerOf(lag.filter(({ group, topic }) => name === `${group} ${topic}`), rate('read', name))),
  }
}

function readerOf(partitions: readonly PartitionLag[], rate: number | null): Reader {
  const { group = '', topic = '' } = partitions[0] ?? {}
  const behind = partitions.filter(({ messages }) => messages > 0)
  const messages = behind.reduce((sum, each) => sum + each.messages, 0)
  // The API knows it only once every partition has moved.
  const atOurRate = rate === null || rate === 0 ? null : messages / rate
  return {
    group,
    topic,
    messages,
    seconds: greatest(behind.map((each) => each.seconds)),
    secondsToClear: greatest(behind.map((each) => each.secondsToClear)) ?? atOurRate,
    rate,
    partitions,
  }
}

/** 0 if there is none; null if any of them is not known. */
function greatest(values: readonly (number | null)[]): number | null {
  return values.reduce((most, value) => (most === null || value === null ? null : Math.max(most, value)), 0 as number | null)
}

/** Several groups read the same partition. */
function endsOf(lag: readonly PartitionLag[]): Map<string, number> {
  const once = new Map(lag.map((each) => [`${each.topic}/${each.partition}`, each]))
  const ends = new Map<string, number>()
  for (const { topic, end } of once.values()) ends.set(topic, (ends.get(topic) ?? 0) + end)
  return ends
}
