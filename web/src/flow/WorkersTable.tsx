import { useState } from 'react'
import { counted, formatBytes, formatCount, formatRate } from '../text/format'
import { t } from '../text/language'
import { said } from '../text/reasons'
import type { Tone } from '../text/states'
import { WideTable } from '../ui/WideTable'
import type { Worker } from './system'
import { wordFor } from './words'

const SHOWN_AT_FIRST = 20
const LEAST_SHOWN = 0.05
const TONES: Readonly<Record<string, Tone>> = { running: 'good', waiting: 'warning', silent: 'bad' }

export function WorkersTable({ workers }: { workers: readonly Worker[] }) {
  const [all, setAll] = useState(false)
  const { workers: words } = t().flow
  const shown = all ? workers : workers.slice(0, SHOWN_AT_FIRST)
  return (
    <>
      <WideTable label={words.title} head={[words.worker, words.state, words.holds, words.inHand, words.busy, words.waitsFor]}>
        {shown.map((worker) => (
          <Row key={worker.id} worker={worker} />
        ))}
      </WideTable>
      {shown.length < workers.length && (
        <button type="button" onClick={() => setAll(true)}>
          {words.showAll(formatCount(workers.length))}
        </button>
      )}
    </>
  )
}

function Row({ worker }: { worker: Worker }) {
  const { workers: words, notYet } = t().flow
  const { state, holds, inFlight, concurrency, busy, waitingFor } = worker
  return (
    <tr>
      <th scope="row">
        <bdi>{worker.id}</bdi>
      </th>
      <td>
        <span className={`chip chip-${TONES[state] ?? 'quiet'}`}>{wordFor(words.states, state)}</span>
      </td>
      <td title={holds.join('\n')}>{holds.length === 0 ? notYet : counted(holds.length, ...words.partition)}</td>
      <td>{concurrency === 0 ? notYet : words.of(formatCount(inFlight), formatCount(concurrency))}</td>
      <td>{concurrency === 0 ? notYet : `${formatCount(Math.round(busy * 100))} %`}</td>
      <td className="waits">{waitingFor === null ? placesOf(worker) : said(waitingFor.message, waitingFor.reason)}</td>
    </tr>
  )
}

/** Where its work is on average, most of it first. */
function placesOf({ inHand, memoryUsed, memoryLimit }: Worker): string {
  const { workers: words, notYet } = t().flow
  const places = Object.entries(inHand)
    .filter(([, amount]) => amount >= LEAST_SHOWN)
    .toSorted(([, a], [, b]) => b - a)
    .map(([place, amount]) => `${wordFor(words.places, place)} ${formatRate(amount)}`)
  const memory = memoryLimit === 0 || memoryUsed === 0 ? [] : [`${formatBytes(memoryUsed)} / ${formatBytes(memoryLimit)}`]
  return [...places, ...memory].join(', ') || notYet
}
