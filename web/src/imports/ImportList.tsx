import { useEffect, useRef, useState, type MouseEvent } from 'react'
import type { Import, Page } from '../api/types'
import { hrefOf, selectImport } from '../location'
import { useOlderImports } from '../queries'
import { counted, formatCount } from '../text/format'
import { Retry } from '../ui/Retry'
import { StateChip } from '../ui/StateChip'
import { Time } from '../ui/Time'
import { ProgressBar } from './ProgressBar'

const SHOWN_AT_FIRST = 6
const MARGIN_PX = 14

interface Props {
  /** The first page; older ones are asked for here. */
  readonly newest: Page<Import>
  readonly selected: string
}

/** All imports, newest first; each a link, so that it opens in a new tab as any link does. */
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
      <span className="import-link-folder">{one.folderId ?? one.id}</span>
      <ProgressBar one={one} decorative />
      <span className="quiet">{summary(one)}</span>
    </a>
  )
}

/** Where the list is a strip, it is moved so far that the selected import is in it. */
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
  const found = counted(one.found, 'picture', 'pictures')
  return one.pending === 0 ? `${found}${failed}` : `${found}${failed}, ${formatCount(one.pending)} to go`
}

function select(event: MouseEvent, id: string): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  event.preventDefault()
  selectImport(id)
}
