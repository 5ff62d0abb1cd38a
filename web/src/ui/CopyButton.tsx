import { useState } from 'react'
import { t } from '../text/language'

type Outcome = 'copied' | 'failed'

/** Copies a text, and says whether it worked. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  return (
    <button
      type="button"
      className="small"
      onBlur={() => setOutcome(null)}
      onClick={() => void copied(text).then((done) => setOutcome(done ? 'copied' : 'failed'))}
    >
      <span aria-live="polite">{outcome === null ? label : t().common.copy[outcome]}</span>
      <span className="visually-hidden">: {text}</span>
    </button>
  )
}

async function copied(text: string): Promise<boolean> {
  try {
    // Browsers offer it only on https and localhost. Elsewhere the text has to be selected by hand.
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
