import { useState } from 'react'
import type { Import } from '../api/types'
import { announce, type Announcement } from './progress'

/** Tells screen readers about each new state, each 10 % and each wait. The bar itself is silent. */
export function Announcer({ one }: { one: Import }) {
  const [last, setLast] = useState<Announcement | null>(null)
  const next = announce(last, one)
  if (next !== last) setLast(next)
  return (
    <p className="visually-hidden" aria-live="polite">
      {next.text}
    </p>
  )
}
