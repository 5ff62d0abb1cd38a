/** All files of an import in one state, which the URL names: `?show=failed&reason=not_found`. */
import { Link, useSearch } from '@tanstack/react-router'
import { useRef } from 'react'
import type { FileState, Import } from '../api/types'
import { CommandsButton } from '../commands/CommandsButton'
import { useRetries } from '../mutations'
import { useFiles } from '../queries'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { heading } from '../text/reasons'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'
import { listCommand } from './commands'
import { FileRows } from './FileRows'
import { FILES, FilesLink } from './FilesLink'
import { partName, PARTS, total } from './progress'
import { filesOf } from './retries'

export function Files({ one }: { one: Import }) {
  const { show, reason } = useSearch({ from: '/imports/$id' })
  const words = t().report.files
  const skipped = total(one.skipped)
  if (one.found + skipped === 0) return null
  return (
    <section className="card files-card" aria-labelledby={FILES}>
      <h2 id={FILES} tabIndex={-1}>
        {words.title}
      </h2>
      <nav className="filters" aria-label={words.filters}>
        {PARTS.map((part) => (
          <Filter key={part} state={part} count={one[part]} name={partName(part, one)} />
        ))}
        <Filter state="skipped" count={skipped} name={words.skipped} />
        {show !== undefined && (
          <Link
            to="."
            search={(old) => ({ ...old, show: undefined, reason: undefined })}
            activeOptions={{ exact: true }}
            resetScroll={false}
          >
            {words.hide}
          </Link>
        )}
        {show !== undefined && <CommandsButton what={words.list} commands={() => [listCommand(one.id, show, reason)]} />}
      </nav>
      {show === undefined ? <p className="quiet">{words.choose}</p> : <Listed key={`${show} ${reason ?? ''}`} one={one} state={show} reason={reason} />}
    </section>
  )
}

function Filter({ state, count, name }: { state: FileState; count: number; name: string }) {
  const { show } = useSearch({ from: '/imports/$id' })
  if (count === 0 && show !== state) return null
  return (
    <FilesLink state={state}>
      <b>{formatCount(count)}</b> {name}
    </FilesLink>
  )
}

interface ListedProps {
  readonly one: Import
  readonly state: FileState
  readonly reason: string | undefined
}

function Listed({ one, state, reason }: ListedProps) {
  const query = useFiles(one, state, reason)
  const retries = useRetries(one)
  const end = useRef(0)
  const loaded = query.data?.pages.flatMap(({ items }) => items) ?? []
  const files = state === 'failed' && reason !== undefined ? filesOf(reason, loaded, retries) : loaded
  const words = t().report.files

  /** Once for each end that was reached. */
  function more() {
    if (!query.hasNextPage || query.isFetching || end.current === loaded.length) return
    end.current = loaded.length
    void query.fetchNextPage()
  }

  return (
    <>
      {reason !== undefined && (
        <p>
          {words.reason} <b>{heading(reason)}</b>.{' '}
          <FilesLink state={state}>{words.allReasons}</FilesLink>
        </p>
      )}
      <Retry what={words.list} error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      {query.isPending && <Skeleton label={words.loading} lines={4} />}
      {query.isSuccess && files.length === 0 && <p className="quiet">{words.none}</p>}
      <FileRows one={one} files={files} failed={state === 'failed' ? loaded : null} hasMore={query.hasNextPage} onEnd={more} />
    </>
  )
}
