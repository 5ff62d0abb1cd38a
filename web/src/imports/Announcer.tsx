import { useState } from 'react'
import type { Import } from '../api/types'
import { useSentRetries, type SentRetry } from '../mutations'
import { announce, type Announcement } from './progress'
import { retriedSentence } from './retries'

/** Tells screen readers about each new state, each 10 %, each wait and each retry. The bar itself is silent. */
export function Announcer({ one }: { one: Import }) {
  const [last, setLast] = useState<Announcement | null>(null)
  const [said, setSaid] = useState('')
  const retry = useSentRetries(one.id).at(-1)
  // It stays when the retry is over: a single file may be stored before the button has its answer.
  if (retry !== undefined && sentence(retry) !== said) setSaid(sentence(retry))
  const next = announce(last, one)
  if (next !== last) setLast(next)
  return (
    <>
      <p className="visually-hidden" aria-live="polite">
        {next.text}
      </p>
      <p className="visually-hidden" aria-live="polite">
        {said}
      </p>
    </>
  )
}

/** With the name, so that the next file's sentence is a new one. Nothing while there is no answer yet. */
function sentence({ files, retried }: SentRetry): string {
  return retried === null ? '' : [...(files ?? []).map(({ name }) => `${name}: `), retriedSentence(retried)].join('')
}
