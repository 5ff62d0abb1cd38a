import { useEffect, useRef, useState, type MouseEvent } from 'react'
import type { Import, Page } from '../api/types'
import { hrefOf, selectImport } from '../location'
import { useOlderImports } from '../queries'
import { counted, formatCount } from '../text/format'
import { importName } from '../text/names'
import { Retry } from '../ui/Retry'
import { StateChip } from '../ui/StateChip'
import { Time } from '../ui/Time'
import { ProgressBar } from './ProgressBar'
import { waitingOf } from './progress'

const SHOWN_AT_FIRST = 6
const MARGIN_PX = 14

interface Props {
  /** The first page. Older ones are fetched here. */
  readonly newest: Page<Import>
  readonly selected: string
}

/** All imports, newest first. Each is a link, so it can be opened in a new tab. */
export function ImportList({ newest, selected }: Props) {
  const [all, setAll] = useState(false)
  const [older, setOlder] = useState(false)
  const strip = useStrip(selected)
  const query = useOlderImports(older ? newest.next : null)
  const imports = [...newest.items, ...(query.data?.pages.flatMap(({ items }) => items) ?? [])]
  const hasOlder = older ? query.hasNextPage : newest.next !== null
  if (imports.length === 0) return null
  const shown = all ? imports : imports.filter(({ id }, index) => index < SHOWN_AT_FIRST || id === selected)
  const count = `${formatCount(imports.length)}${hasOlder ? '+' : ''}`
  return (
    <nav className="import-list" aria-labelledby="imports">
      <h2 id="imports">
        Imports <span className="quiet">{count}</span>
      </h2>
      <ul ref={strip}>
        {shown.map((one) => (
          <li key={one.id}>
            <ImportLink one={one} selected={one.id === selected} />
          </li>
        ))}
      </ul>
      <Retry what="Older imports" error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      {shown.length < imports.length ? (
        <button type="button" onClick={() => setAll(true)}>
          Show all {count}
        </button>
      ) : (
        hasOlder && (
          <button
            type="button"
            disabled={query.isFetching}
            onClick={() => (older ? void query.fetchNextPage() : setOlder(true))}
          >
            {query.isFetching ? 'Loading…' : 'Show older'}
          </button>
        )
      )}
    </nav>
  )
}

function ImportLink({ one, selected }: { one: Import; selected: boolean }) {
  return (
    <a
      className="card import-link"
      href={hrefOf(one.id)}
      aria-current={selected ? 'page' : undefined}
      onClick={(event) => select(event, one.id)}
    >
      <span className="import-link-head">
        <StateChip state={one.state} />
        {one.requestedAt !== null && <Time at={one.requestedAt} />}
      </span>
      <bdi className="import-link-folder">{importName(one)}</bdi>
      <ProgressBar one={one} decorative />
      <span className="quiet">{summary(one)}</span>
    </a>
  )
}

/** On narrow screens the list is a strip. It is scrolled so that the selected import is visible. */
function useStrip(selected: string) {
  const strip = useRef<HTMLUListElement>(null)
  useEffect(() => {
    const links = Array.from(strip.current?.querySelectorAll('a') ?? [])
    const item = links.find((link) => link.getAttribute('href') === hrefOf(selected))?.closest('li')
    if (strip.current && item) strip.current.scrollLeft = item.offsetLeft - strip.current.offsetLeft - MARGIN_PX
  }, [selected])
  return strip
}

function summary(one: Import): string {
  const failed = one.failed === 0 ? '' : `, ${formatCount(one.failed)} failed`
  const found = counted(one.found, 'image', 'images')
  const left = one.state === 'cancelled' ? 'not done' : 'to go'
  const pending = one.pending === 0 ? '' : `, ${formatCount(one.pending)} ${left}`
  return `${found}${failed}${pending}${waitingOf(one) === null ? '' : ', waiting'}`
}

function select(event: MouseEvent, id: string): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  event.preventDefault()
  selectImport(id)
}
