/** Sentences that services write into the log without a code, in the reader's language. */
import { t } from './language'

/** By what an English sentence is, as a regular expression. `$1` is what stands for its first group. */
export type Patterns = Readonly<Record<string, string>>

/** Null if it is not one that our own services write. */
export function translated(sentence: string): string | null {
  return said(sentence, t().sentences.whole)
}

function said(text: string, patterns: Patterns): string | null {
  for (const [pattern, words] of Object.entries(patterns)) {
    const found = new RegExp(`^(?:${pattern})$`, 'su').exec(text)
    if (found !== null) return words.replaceAll(/\$(\d)/g, (_, group: string) => part(found[Number(group)] ?? ''))
  }
  return null
}

/** A part may be a sentence of its own, or come from outside, such as the name of a field. */
function part(text: string): string {
  const { parts, whole } = t().sentences
  return said(text, parts) ?? said(text, whole) ?? text
}
