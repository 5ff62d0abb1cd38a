import { useState } from 'react'
import type { Replay } from '../api/replays'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { hasEnded, replayState } from './progress'

interface Said {
  readonly state: string
  readonly step: number
  readonly text: string
}

/** Tells screen readers about each new state and each 10 %. One that had ended when it was opened is not announced. */
export function ReplayAnnouncer({ one, percent }: { one: Replay; percent: number | null }) {
  const [said, setSaid] = useState<Said | null>(null)
  const step = Math.floor((percent ?? 0) / 10)
  if (said === null) setSaid({ state: one.state, step, text: hasEnded(one) ? '' : sentenceOf(one) })
  else if (said.state !== one.state) setSaid({ state: one.state, step, text: sentenceOf(one) })
  else if (step > said.step) {
    const done = t().report.done(formatCount(one.selected - one.pending), formatCount(one.selected))
    setSaid({ ...said, step, text: t().report.announced(step * 10, done) })
  }
  return (
    <p className="visually-hidden" aria-live="polite">
      {said?.text}
    </p>
  )
}

function sentenceOf(one: Replay): string {
  return `${one.name}: ${replayState(one.state).label}.`
}
