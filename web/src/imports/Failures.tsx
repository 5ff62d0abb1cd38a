/** Failed files, grouped by reason, largest group first. */
import type { Import, ImportFile } from '../api/types'
import { useFiles } from '../queries'
import { counted, formatCount } from '../text/format'
import { heading, reasonFor } from '../text/reasons'
import { isRunning } from '../text/states'
import { Retry } from '../ui/Retry'
import { FileList } from './FileList'
import { byCount } from './progress'

export function Failures({ one }: { one: Import }) {
  return one.failed === 0 ? null : <FailureGroups one={one} />
}

function FailureGroups({ one }: { one: Import }) {
  const query = useFiles(one.id, 'failed', isRunning(one))
  const files = query.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <section className="card failures" aria-labelledby="failures">
      <h3 id="failures">What failed and why</h3>
      <Retry what="The list of files" error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      {byCount(one.failures).map(([reason, count]) => (
        <FailureGroup
          key={reason}
          reason={reason}
          count={count}
          files={files.filter((file) => file.reason === reason)}
        />
      ))}
      {query.hasNextPage && (
        <button type="button" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {query.isFetchingNextPage ? 'Loading…' : `Load more (${formatCount(files.length)} of ${counted(one.failed, 'file', 'files')} loaded)`}
        </button>
      )}
    </section>
  )
}

interface GroupProps {
  readonly reason: string
  readonly count: number
  /** The files loaded so far, which may be fewer than `count`. */
  readonly files: readonly ImportFile[]
}

function FailureGroup({ reason, count, files }: GroupProps) {
  const { cure } = reasonFor(reason)
  const messages = new Set(files.map(({ message }) => message))
  const shared = messages.size === 1 ? files[0]?.message : null
  return (
    <section className="reason">
      <h4>
        {heading(reason)} <span className="count">{counted(count, 'file', 'files')}</span>
      </h4>
      {shared && <p>{shared}</p>}
      {cure !== undefined && <p className="quiet">{cure}</p>}
      {files.length > 0 && (
        <details>
          <summary>{files.length < count ? `Show the first ${counted(files.length, 'file', 'files')}` : `Show ${counted(count, 'file', 'files')}`}</summary>
          <FileList files={files} withReasons={!shared} />
        </details>
      )}
    </section>
  )
}
