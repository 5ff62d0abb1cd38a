import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Replay } from '../api/replays'
import { sentence } from '../api/errors'
import { shares, PARTS } from '../imports/progress'
import { counted, formatCount } from '../text/format'
import { t } from '../text/language'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'
import { Time } from '../ui/Time'
import { countsOf, replayState } from './progress'
import { useOlderReplays, useReplays } from './queries'

/** All replays, newest first. Before the first one, it says what a replay is for. */
export function ReplayList() {
  const { data, error, isPending, refetch } = useReplays()
  const [older, setOlder] = useState(false)
  const more = useOlderReplays(older ? (data?.next ?? null) : null)
  const words = t().replays
  if (data === undefined) {
    return isPending ? <Skeleton label={words.loading} lines={4} /> : <p className="note">{words.notLoaded(sentence(error))}</p>
  }
  const replays = [...data.items, ...(more.data?.pages.flatMap(({ items }) => items) ?? [])]
  const hasOlder = older ? more.hasNextPage : data.next !== null
  return (
    <section className="replay-list" aria-labelledby="replays">
      <h2 id="replays">{words.all}</h2>
      <Retry what={words.list} error={error} hasOlder onRetry={() => void refetch()} />
      {replays.length === 0 ? (
        <p className="note">{words.none}</p>
      ) : (
        <ul>
          {replays.map((one) => (
            <li key={one.id}>
              <ReplayLink one={one} />
            </li>
          ))}
        </ul>
      )}
      <Retry what={words.list} error={more.error} hasOlder={more.data !== undefined} onRetry={() => void more.refetch()} />
      {hasOlder && (
        <button type="button" disabled={more.isFetching} onClick={() => (older ? void more.fetchNextPage() : setOlder(true))}>
          {more.isFetching ? t().common.busy : t().start.showOlder}
        </button>
      )}
    </section>
  )
}

function ReplayLink({ one }: { one: Replay }) {
  return (
    <Link className="card import-link" to="/replays/$id" params={{ id: one.id }}>
      <span className="import-link-head">
        <ReplayChip one={one} />
        {one.requestedAt !== null && <Time at={one.requestedAt} />}
      </span>
      <bdi className="import-link-folder">{one.name}</bdi>
      <ReplayBar one={one} thin />
      <span className="quiet">
        {one.redriven > 0 ? counted(one.redriven, ...t().replays.plan.record) : counted(one.selected, ...t().common.file)}
        {one.failed > 0 && `, ${t().start.summary.failed(formatCount(one.failed))}`}
        {one.pending > 0 && `, ${t().start.summary.toGo(formatCount(one.pending))}`}
      </span>
    </Link>
  )
}

export function ReplayChip({ one }: { one: Replay }) {
  const { label, tone } = replayState(one.state)
  return <span className={`chip chip-${tone}`}>{label}</span>
}

/** Only a picture of the numbers beside it. */
export function ReplayBar({ one, thin = false }: { one: Replay; thin?: boolean }) {
  const widths = shares(countsOf(one))
  return (
    <span className={thin ? 'bar bar-thin' : 'bar'} aria-hidden="true">
      {PARTS.map((part) => (
        <span key={part} className={`part part-${part}`} style={{ width: `${widths[part]}%` }} />
      ))}
    </span>
  )
}
