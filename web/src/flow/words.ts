/** Amounts of the stream in words. What is not known is a dash. */
import { formatCount, formatDuration, formatRate } from '../text/format'
import { t } from '../text/language'

export function rateWords(rate: number | null | undefined): string {
  if (rate === null || rate === undefined) return t().flow.notYet
  return t().flow.perSecond(rate === 0 ? formatCount(0) : formatRate(rate))
}

export function durationWords(seconds: number | null): string {
  return seconds === null ? t().flow.notYet : formatDuration(seconds)
}

export function countWords(count: number | null | undefined): string {
  return count === null || count === undefined ? t().flow.notYet : formatCount(count)
}

/** A word for a code, or the code itself. A code from outside may be the name of a property that every object has. */
export function wordFor(words: Readonly<Record<string, string>>, code: string): string {
  return (Object.hasOwn(words, code) ? words[code] : undefined) ?? code
}
