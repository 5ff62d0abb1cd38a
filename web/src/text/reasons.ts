/**
 * Reason codes in people's words: what happened, and what can be done about it.
 * A code that is not here is shown as it came, beside the message that the API sends with it.
 */
export interface Reason {
  readonly title: string
  readonly cure?: string
}

const REASONS = new Map<string, Reason>()

export function reasonFor(code: string): Reason {
  return REASONS.get(code) ?? { title: code }
}
