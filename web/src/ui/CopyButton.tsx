import { useState } from 'react'

/** Copies a text, and says whether it worked. */
export function CopyButton({ text }: { text: string }) {
  const [label, setLabel] = useState('Copy')
  return (
    <button
      type="button"
      className="small"
      onBlur={() => setLabel('Copy')}
      onClick={() => void copied(text).then((done) => setLabel(done ? 'Copied' : 'Not copied'))}
    >
      <span aria-live="polite">{label}</span>
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
