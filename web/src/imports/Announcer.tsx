import { useState } from 'react'
import type { Import } from '../api/types'
import { announce, type Announcement } from './progress'

/** Speaks for the bar, which is no live region itself: each state and each 10 %, no more. */
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
