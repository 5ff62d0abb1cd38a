/**
 * Reason codes in plain words: what happened, and what can be done about it.
 * A code without words is shown unchanged, next to the message that the API sends with it.
 */
import type { ReasonWords } from './en/index'
import { currentLanguage, t } from './language'

export interface Reason {
  /** Fits inside a sentence; `heading` capitalises it. */
  readonly title: string
  readonly cure?: string
}

/** A code from outside may be the name of a property that every object has. */
function wordsFor(code: string): ReasonWords | undefined {
  const { reasons } = t()
  return Object.hasOwn(reasons, code) ? reasons[code] : undefined
}

export function reasonFor(code: string): Reason {
  const known = wordsFor(code)
  if (known === undefined) return { title: code }
  return known.later === true ? { title: known.title, cure: t().report.later } : known
}

/** An unknown code is not capitalised, so that it can be searched for. */
export function heading(code: string): string {
  const title = wordsFor(code)?.title
  return title === undefined ? code : title.charAt(0).toUpperCase() + title.slice(1)
}

/** The API's own sentence, which has the details. It is English, so another language says the reason in its own words. */
export function said(message: string | null, reason: string | null): string | null {
  const hasWords = reason !== null && wordsFor(reason) !== undefined
  if (message !== null && message !== '' && (currentLanguage() === 'en' || !hasWords)) return message
  return reason === null ? null : heading(reason)
}
