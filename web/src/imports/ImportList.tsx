import { useState, type MouseEvent } from 'react'
import type { Import } from '../api/types'
import { hrefOf, selectImport } from '../location'
import { counted, formatCount } from '../text/format'
import { StateChip } from '../ui/StateChip'
import { Time } from '../ui/Time'
import { ProgressBar } from './ProgressBar'

const SHOWN_AT_FIRST = 6

interface Props {
  readonly imports: readonly Import[]
  readonly selected: string
}

/** All imports, newest first; each a link, so that it opens in a new tab as any link does. */
export function ImportList({ imports, selected }: Props) {
  const [all, setAll] = useState(false)
  if (imports.length === 0) return null
  const shown = all ? imports : imports.filter(({ id }, index) => index < SHOWN_AT_FIRST || id === selected)
  return (
    <nav className="import-list" aria-labelledby="imports">
      <h2 id="imports">
        Imports <span className="quiet">{formatCount(imports.length)}</span>
      </h2>
      <ul>
        {shown.map((one) => (
          <li key={one.id}>
            <a
              className="card import-link"
              href={hrefOf(one.id)}
              aria-current={one.id === selected ? 'page' : undefined}
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
          </li>
        ))}
      </ul>
      {shown.length < imports.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {formatCount(imports.length)}
        </button>
      )}
    </nav>
  )
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
