/**
 * Reason codes in people's words: what happened, and what can be done about it.
 * A code that is not here is shown as it came, beside the message that the API sends with it.
 */
export interface Reason {
  /** As it stands within a sentence; `heading` writes it at the beginning of one. */
  readonly title: string
  readonly cure?: string
}

const REASONS = new Map<string, Reason>()

export function reasonFor(code: string): Reason {
  return REASONS.get(code) ?? { title: code }
}

/** A code that is shown as it came is not capitalised: it may be searched for. */
export function heading(code: string): string {
  const title = REASONS.get(code)?.title
  return title === undefined ? code : title.charAt(0).toUpperCase() + title.slice(1)
}
