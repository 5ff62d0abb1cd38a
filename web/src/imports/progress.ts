/** What an import's counts say. Pure; every number shown on the page comes through here. */
import type { Import, ImportCounts } from '../api/types'
import { counted, formatCount, percentOf } from '../text/format'
import { isListing, isRunning, stateWords } from '../text/states'

export const PARTS = ['stored', 'unchanged', 'failed', 'pending'] as const
export type Part = (typeof PARTS)[number]

export function sumOfParts(counts: ImportCounts): number {
  return PARTS.reduce((sum, part) => sum + counts[part], 0)
}

/** The invariant of the whole system; the page says so aloud if an answer ever breaks it. */
export function addsUp(counts: ImportCounts): boolean {
  return sumOfParts(counts) === counts.found
}

/** "2,412 found = 2,400 stored + 0 unchanged + 12 failed + 0 pending" */
export function equation(counts: ImportCounts): string {
  const parts = PARTS.map((part) => `${formatCount(counts[part])} ${part}`)
  return `${formatCount(counts.found)} found = ${parts.join(' + ')}`
}

/** Files that have their outcome, whatever it is. */
export function doneCount(counts: ImportCounts): number {
  return counts.stored + counts.unchanged + counts.failed
}

/** 0 to 100; null while the whole is not known. */
export function percentDone(one: Import): number | null {
  if (isListing(one) || one.found === 0) return null
  return percentOf(doneCount(one), one.found)
}

/** Shares of the bar in percent. Even one failure among a million is given a visible sliver. */
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

/** Reasons with their counts, greatest first. */
export function byCount(tally: Readonly<Record<string, number>>): [reason: string, count: number][] {
  return Object.entries(tally)
    .filter(([, count]) => count > 0)
    .sort(([a, m], [b, n]) => n - m || a.localeCompare(b))
}

export function total(tally: Readonly<Record<string, number>>): number {
  return Object.values(tally).reduce((sum, count) => sum + count, 0)
}

/** One look at an import, at a time in milliseconds. */
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

/** Per second between two looks; null when they are too close to say. */
export function rateBetween(from: Sample, to: Sample): Rate | null {
  const seconds = (to.at - from.at) / 1000
  if (seconds < SHORTEST_SPAN_S) return null
  return {
    files: Math.max(0, to.done - from.done) / seconds,
    bytes: Math.max(0, to.bytes - from.bytes) / seconds,
  }
}

/** Over the import's whole life, by the server's own times; null before anything is stored. */
export function averageRate(one: Import): Rate | null {
  const spent = secondsSpent(one, one.updatedAt)
  if (spent === null || doneCount(one) === 0) return null
  // A span of less than a second would make a boast of a handful of files.
  const seconds = Math.max(1, spent)
  return { files: doneCount(one) / seconds, bytes: one.storedBytes / seconds }
}

/** From the request to the end, or to `now` where there is no end yet; null if either is unknown. */
export function secondsSpent(one: Import, now: Date | null): number | null {
  const end = one.finishedAt ?? now
  if (one.requestedAt === null || end === null) return null
  return Math.max(0, (end.getTime() - one.requestedAt.getTime()) / 1000)
}

/** Seconds; null while the folder is being listed, or while nothing moves. */
export function timeLeft(one: Import, rate: Rate | null): number | null {
  if (!isRunning(one) || isListing(one) || rate === null || rate.files <= 0) return null
  return one.pending / rate.files
}

export interface Announcement {
  readonly importId: string
  readonly state: string
  readonly step: number
  readonly text: string
}

/**
 * What a screen reader should hear after a look at an import: each state, each 10 %, not each file.
 * Returns `last` itself when there is nothing new. What was over when first seen is not announced.
 */
export function announce(last: Announcement | null, one: Import): Announcement {
  const step = Math.floor((percentDone(one) ?? 0) / 10)
  const here = { importId: one.id, state: one.state, step }
  if (last?.importId !== one.id) return { ...here, text: isRunning(one) ? stateSentence(one) : '' }
  if (last.state !== one.state) return { ...here, text: stateSentence(one) }
  if (step > last.step) {
    const done = `${formatCount(doneCount(one))} of ${counted(one.found, 'file', 'files')}`
    return { ...here, text: `${step * 10} percent: ${done}.` }
  }
  return last
}

function stateSentence(one: Import): string {
  const { label } = stateWords(one.state)
  return isRunning(one) ? `Import: ${label}.` : `Import: ${label}. ${equation(one)}.`
}
