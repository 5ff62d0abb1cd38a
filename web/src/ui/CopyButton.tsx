import { useState } from 'react'
import { t } from '../text/language'

/** Copies a text, and says whether it worked. */
export function CopyButton({ text }: { text: string }) {
  const [label, setLabel] = useState<'copy' | 'copied' | 'failed'>('copy')
  return (
    <button
      type="button"
      className="small"
      onBlur={() => setLabel('copy')}
      onClick={() => void copied(text).then((done) => setLabel(done ? 'copied' : 'failed'))}
    >
      <span aria-live="polite">{t().common.copy[label]}</span>
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
