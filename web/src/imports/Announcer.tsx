import { useState } from 'react'
import type { Import } from '../api/types'
import { useRetries } from '../mutations'
import { announce, type Announcement } from './progress'
import { retriedSentence } from './retries'

/** Tells screen readers about each new state, each 10 %, each wait and each retry. The bar itself is silent. */
export function Announcer({ one }: { one: Import }) {
  const [last, setLast] = useState<Announcement | null>(null)
  const retry = useRetries(one).findLast(({ retried }) => retried !== null)
  const next = announce(last, one)
  if (next !== last) setLast(next)
  return (
    <>
      <p className="visually-hidden" aria-live="polite">
        {next.text}
      </p>
      <p className="visually-hidden" aria-live="polite">
        {/* With the name, so that the next file's sentence is a new one. */}
        {retry?.retried && [...(retry.files ?? []).map(({ name }) => `${name}: `), retriedSentence(retry.retried)].join('')}
      </p>
    </>
  )
}
