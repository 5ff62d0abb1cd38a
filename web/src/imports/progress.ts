/** Calculations on an import's counts. Pure; every number on the page comes from here. */
import type { SpeedLimit } from '../api/speedLimit'
import type { Import, ImportCounts, Waiting } from '../api/types'
import { counted, formatCount, formatMoment, percentOf } from '../text/format'
import { currentLanguage, t } from '../text/language'
import { importName } from '../text/names'
import { said } from '../text/reasons'
import { isListing, isRunning, stateWords } from '../text/states'

export const PARTS = ['stored', 'unchanged', 'failed', 'pending'] as const
export type Part = (typeof PARTS)[number]

export function sumOfParts(counts: ImportCounts): number {
  return PARTS.reduce((sum, part) => sum + counts[part], 0)
}

/** The invariant of the whole system. The page shows an alert if a response breaks it. */
export function addsUp(counts: ImportCounts): boolean {
  return sumOfParts(counts) === counts.found
}

/** What a part is called. Nothing comes of the pending files of a cancelled import. */
export function partName(part: Part, { state }: Pick<Import, 'state'>): string {
  const words = t().report.parts
  return part === 'pending' && state === 'cancelled' ? words.notDone : words[part]
}

/** "2,412 found = 2,400 stored + 0 unchanged + 12 failed + 0 pending" */
export function equation(one: Import): string {
  const parts = PARTS.map((part) => `${formatCount(one[part])} ${partName(part, one)}`)
  return `${formatCount(one.found)} ${t().report.parts.found} = ${parts.join(' + ')}`
}

/** Files that have an outcome, including failures. */
export function doneCount(counts: ImportCounts): number {
  return counts.stored + counts.unchanged + counts.failed
}

/** 0 to 100; null while the total is not known. */
export function percentDone(one: Import): number | null {
  if (isListing(one) || one.found === 0) return null
  return percentOf(doneCount(one), one.found)
}

/** The widths of the bar's parts in percent. Even one failure in a million stays visible. */
export function shares(counts: ImportCounts): Record<Part, number> {
  const whole = Math.max(counts.found, sumOfParts(counts))
  const wanted = PARTS.map((part) => share(counts[part], whole))
  const sum = wanted.reduce((all, value) => all + value, 0) || 1
  const scaled = wanted.map((value) => (value / sum) * 100)
  return Object.fromEntries(PARTS.map((part, index) => [part, scaled[index] ?? 0])) as Record<Part, number>
}

const SLIVER_PERCENT = 0.8

function share(count: number, whole: number): number {
  return count === 0 ? 0 : Math.max((count / whole) * 100, SLIVER_PERCENT)
}

/** Reasons with their counts, largest first. */
export function byCount(tally: Readonly<Record<string, number>>): [reason: string, count: number][] {
  return Object.entries(tally)
    .filter(([, count]) => count > 0)
    .sort(([a, m], [b, n]) => n - m || a.localeCompare(b))
}

export function total(tally: Readonly<Record<string, number>>): number {
  return Object.values(tally).reduce((sum, count) => sum + count, 0)
}

/** The progress of an import at one time, in milliseconds. */
export interface Sample {
  readonly at: number
  readonly done: number
  readonly bytes: number
}

export interface Rate {
  readonly files: number
  readonly bytes: number
}

const SHORTEST_SPAN_S = 3

/** The speed per second between two samples; null if they are too close together. */
export function rateBetween(from: Sample, to: Sample): Rate | null {
  const seconds = (to.at - from.at) / 1000
  if (seconds < SHORTEST_SPAN_S) return null
  return {
    files: Math.max(0, to.done - from.done) / seconds,
    bytes: Math.max(0, to.bytes - from.bytes) / seconds,
  }
}

/** The speed over the whole import, by the server's times; null before the first file is done. */
export function averageRate(one: Import): Rate | null {
  const spent = secondsSpent(one, one.updatedAt)
  if (spent === null || doneCount(one) === 0) return null
  // Dividing by a fraction of a second would turn a few files into a huge speed.
  const seconds = Math.max(1, spent)
  return { files: doneCount(one) / seconds, bytes: one.storedBytes / seconds }
}

/** Seconds from the request to the end, or to `now` if it still runs; null if either is unknown. */
export function secondsSpent(one: Import, now: Date | null): number | null {
  const end = one.finishedAt ?? now
  if (one.requestedAt === null || end === null) return null
  return Math.max(0, (end.getTime() - one.requestedAt.getTime()) / 1000)
}

/** In seconds. `most` is null while more files may be found. */
export interface TimeLeft {
  readonly least: number
  readonly most: number | null
}

/** From the speed lately to that of a longer time; null while there is no progress. */
export function timeLeft(one: Import, lately: Rate | null, average: Rate | null): TimeLeft | null {
  if (!isRunning(one) || lately === null || lately.files <= 0) return null
  const speeds = [lately, average].flatMap((rate) => (rate === null || rate.files <= 0 ? [] : [rate.files]))
  const least = one.pending / Math.max(...speeds)
  return { least, most: isListing(one) ? null : one.pending / Math.min(...speeds) }
}

/** Rounded to what an estimate can promise: 5 seconds, a minute, 10 minutes, an hour. */
export function roughly(seconds: number): number {
  const [, step] = [[60, 5], [3600, 60], [86_400, 600]].find(([below = 0]) => seconds < below) ?? [0, 3600]
  return Math.max(1, seconds < 5 ? Math.ceil(seconds) : Math.round(seconds / (step ?? 1)) * (step ?? 1))
}

/** What a running import waits for; null while it makes progress, and once it has ended. */
export function waitingOf(one: Import): Waiting | null {
  return isRunning(one) ? one.waitingFor : null
}

/** The API's own sentence, which also says what to do. */
export function waitingFor({ message, reason }: Waiting): string {
  const words = said(message, reason)
  return message !== '' && words === message ? message : `${words}.`
}

/** What limits the speed of the whole system. */
export function limitWords({ message, reason }: SpeedLimit): string {
  const { limits } = t().flow
  const words = currentLanguage() !== 'en' && Object.hasOwn(limits, reason) ? limits[reason] : undefined
  return words === undefined ? message : `${words}.`
}

export interface Announcement {
  readonly importId: string
  readonly state: string
  readonly step: number
  /** The reason code of a wait. */
  readonly waiting: string | null
  readonly text: string
}

/**
 * What a screen reader should say about an import: each new state, each 10 % and each wait, but not
 * each file. Returns `last` itself if nothing is new. An import that had already ended when it was
 * opened is not announced.
 */
export function announce(last: Announcement | null, one: Import): Announcement {
  const step = Math.floor((percentDone(one) ?? 0) / 10)
  const waiting = waitingOf(one)
  const here = { importId: one.id, state: one.state, step, waiting: waiting?.reason ?? null }
  if (last?.importId !== one.id) return { ...here, text: isRunning(one) ? stateSentence(one) : '' }
  // Every probe moves the end of a wait. Only a new reason is news.
  if (last.state !== one.state || last.waiting !== here.waiting) return { ...here, text: stateSentence(one) }
  if (step > last.step) {
    const done = t().report.done(formatCount(doneCount(one)), counted(one.found, ...t().common.file))
    return { ...here, text: t().report.announced(step * 10, done) }
  }
  return last
}

function stateSentence(one: Import): string {
  const waiting = waitingOf(one)
  const name = importName(one)
  if (waiting !== null) return `${name}: ${waitingSentence(waiting)}`
  const { label } = stateWords(one.state)
  return isRunning(one) ? `${name}: ${label}.` : `${name}: ${label}. ${equation(one)}.`
}

function waitingSentence(waiting: Waiting): string {
  const words = t().report
  const begin = waiting.until === null ? words.waiting : `${words.waitingUntil} ${formatMoment(waiting.until)}`
  return `${begin}: ${waitingFor(waiting)}`
}
