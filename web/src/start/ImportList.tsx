import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Import, Page } from '../api/types'
import { useOlderImports } from '../queries'
import { counted, formatCount } from '../text/format'
import { t } from '../text/language'
import { importName } from '../text/names'
import { Retry } from '../ui/Retry'
import { StateChip } from '../ui/StateChip'
import { Time } from '../ui/Time'
import { ProgressBar } from '../imports/ProgressBar'
import { waitingOf } from '../imports/progress'

const SHOWN_AT_FIRST = 6

interface Props {
  /** The first page. Older ones are fetched here. */
  readonly newest: Page<Import>
}

/** All imports, newest first. Each is a link, so it can be opened in a new tab. */
export function ImportList({ newest }: Props) {
  const words = t().start
  const [all, setAll] = useState(false)
  const [older, setOlder] = useState(false)
  const query = useOlderImports(older ? newest.next : null)
  const imports = [...newest.items, ...(query.data?.pages.flatMap(({ items }) => items) ?? [])]
  const hasOlder = older ? query.hasNextPage : newest.next !== null
  if (imports.length === 0) return null
  const shown = all ? imports : imports.slice(0, SHOWN_AT_FIRST)
  const count = `${formatCount(imports.length)}${hasOlder ? '+' : ''}`
  return (
    <nav className="import-list" aria-labelledby="imports">
      <h2 id="imports">
        {words.imports} <span className="quiet">{count}</span>
      </h2>
      <ul>
        {shown.map((one) => (
          <li key={one.id}>
            <ImportLink one={one} />
          </li>
        ))}
      </ul>
      <Retry what={words.older} error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      {shown.length < imports.length ? (
        <button type="button" onClick={() => setAll(true)}>
          {words.showAll(count)}
        </button>
      ) : (
        hasOlder && (
          <button
            type="button"
            disabled={query.isFetching}
            onClick={() => (older ? void query.fetchNextPage() : setOlder(true))}
          >
            {query.isFetching ? t().common.busy : words.showOlder}
          </button>
        )
      )}
    </nav>
  )
}

function ImportLink({ one }: { one: Import }) {
  return (
    <Link className="card import-link" to="/imports/$id" params={{ id: one.id }}>
      <span className="import-link-head">
        <StateChip state={one.state} />
        {one.requestedAt !== null && <Time at={one.requestedAt} />}
      </span>
      <bdi className="import-link-folder">{importName(one)}</bdi>
      <ProgressBar one={one} decorative />
      <span className="quiet">{summary(one)}</span>
    </Link>
  )
}

function summary(one: Import): string {
  const { summary: words } = t().start
  const left = one.state === 'cancelled' ? words.notDone : words.toGo
  return [
    counted(one.found, ...t().common.image),
    one.failed > 0 && words.failed(formatCount(one.failed)),
    one.pending > 0 && left(formatCount(one.pending)),
    waitingOf(one) !== null && words.waiting,
  ]
    .filter((part) => part !== false)
    .join(', ')
}
