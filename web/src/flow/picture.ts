/** What each part of the picture says. Pure. */
import { counted, formatCount } from '../text/format'
import { t } from '../text/language'
import { kindOf, type Edge, type NodeId } from './layout'
import type { Reader, Stream } from './stream'
import type { System, Worker } from './system'
import { durationWords, rateWords } from './words'

export interface Line {
  readonly text: string
  readonly tone?: 'late' | 'quiet'
}

export interface Part {
  readonly id: NodeId
  readonly lines: readonly Line[]
  readonly workers: readonly Worker[]
}

export function partOf(id: NodeId, system: System, stream: Stream): Part {
  const workers = system.workers.filter(({ service, state }) => service === id && state !== 'stopped')
  return { id, lines: linesOf(id, system, stream, workers), workers }
}

function linesOf(id: NodeId, system: System, stream: Stream, workers: readonly Worker[]): Line[] {
  const words = t().flow.stream
  if (id === 'dead.letters') return [{ text: system.deadLetters === null ? t().flow.unknown : counted(system.deadLetters, ...t().flow.redrive.record) }]
  if (kindOf(id) === 'end') return []
  if (kindOf(id) === 'topic') return topicLines(id, stream)
  if (workers.length === 0) return [isOptional(id) ? { text: words.notInUse, tone: 'quiet' } : { text: words.noWorker, tone: 'late' }]
  const slots = workers.reduce((sum, { concurrency }) => sum + concurrency, 0)
  const inFlight = workers.reduce((sum, worker) => sum + worker.inFlight, 0)
  return slots === 0 ? [] : [{ text: words.inHand(formatCount(inFlight), formatCount(slots)) }]
}

/** Nobody has to run it: without `WEBHOOK_URLS` it has nothing to do, and ends. */
export function isOptional(id: NodeId): boolean {
  return id === 'webhooks'
}

function topicLines(topic: string, stream: Stream): Line[] {
  const words = t().flow.stream
  const rate = { text: rateWords(stream.written.get(topic)) }
  const slowest = furthestBehind(topic, stream)
  if (slowest === undefined) return [rate]
  if (slowest.messages === 0) return [rate, { text: words.upToDate, tone: 'quiet' }]
  return [
    rate,
    { text: words.behind(formatCount(slowest.messages)), tone: 'late' },
    ...(slowest.seconds === null ? [] : [{ text: words.oldest(durationWords(slowest.seconds)), tone: 'quiet' as const }]),
    ...(slowest.secondsToClear === null ? [] : [{ text: words.clears(durationWords(slowest.secondsToClear)), tone: 'quiet' as const }]),
  ]
}

/** Of all that read the topic. */
export function furthestBehind(topic: string, { readers }: Stream): Reader | undefined {
  return readers.filter((reader) => reader.topic === topic).toSorted((a, b) => b.messages - a.messages)[0]
}

/** Messages each second. */
export function rateOf({ written, read }: Edge, stream: Stream): number | null {
  if (written !== undefined) return stream.written.get(written) ?? null
  if (read === undefined) return null
  const [group, topic] = read
  const rates = stream.readers.filter((reader) => reader.group === group && (topic === '' || reader.topic === topic)).map(({ rate }) => rate)
  return rates.length === 0 || rates.includes(null) ? null : rates.reduce<number>((sum, rate) => sum + (rate ?? 0), 0)
}
