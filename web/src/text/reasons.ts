/**
 * Reason codes in plain words: what happened, and what can be done about it.
 * A code without words is shown unchanged, next to the message that the API sends with it.
 */
import words from './reasons.json'

export interface Reason {
  /** Fits inside a sentence; `heading` capitalises it. */
  readonly title: string
  readonly cure?: string
}

interface Words extends Reason {
  /** Trying again later is the cure. */
  readonly later?: boolean
}

const LATER = 'Try again later. Files that are already stored are not downloaded again.'
// A Map, because a code from outside may be the name of a property that every object has.
const REASONS = new Map<string, Words>(Object.entries(words))

export function reasonFor(code: string): Reason {
  const known = REASONS.get(code)
  if (known === undefined) return { title: code }
  return known.later === true ? { title: known.title, cure: LATER } : known
}

/** An unknown code is not capitalised, so that it can be searched for. */
export function heading(code: string): string {
  const title = REASONS.get(code)?.title
  return title === undefined ? code : title.charAt(0).toUpperCase() + title.slice(1)
}
