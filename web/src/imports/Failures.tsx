/** Failed files, grouped by reason, largest group first. */
import { useState } from 'react'
import type { Import, ImportFile } from '../api/types'
import { useRetries, type SentRetry } from '../mutations'
import { useFiles } from '../queries'
import { counted, formatCount } from '../text/format'
import { t } from '../text/language'
import { heading, reasonFor, said } from '../text/reasons'
import { HandsOverFocus } from '../ui/HandsOverFocus'
import { Retry } from '../ui/Retry'
import { FileList } from './FileList'
import { FilesLink } from './FilesLink'
import { RetryButton } from './RetryButton'
import { filesOf, groupsOf, type Group } from './retries'

/** In a group. Any number can be listed further down. */
const SHOWN = 20

export function Failures({ one }: { one: Import }) {
  const retries = useRetries(one)
  const groups = groupsOf(one, retries)
  return groups.length === 0 ? null : <FailureGroups one={one} groups={groups} retries={retries} />
}

interface GroupsProps {
  readonly one: Import
  readonly groups: readonly Group[]
  readonly retries: readonly SentRetry[]
}

function FailureGroups({ one, groups, retries }: GroupsProps) {
  const query = useFiles(one, 'failed')
  const failed = query.data?.pages.flatMap(({ items }) => items) ?? []
  const words = t().report.failures
  return (
    <HandsOverFocus to="import-title">
      <section className="card failures" aria-labelledby="failures">
        <h3 id="failures" tabIndex={-1}>
          {words.title}
        </h3>
        <Retry what={t().report.files.list} error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
        {groups.map((group) => (
          <HandsOverFocus key={group.reason} to="failures">
            <FailureGroup one={one} group={group} failed={failed} retries={retries} />
          </HandsOverFocus>
        ))}
      </section>
    </HandsOverFocus>
  )
}

interface GroupProps {
  readonly one: Import
  readonly group: Group
  /** The first failed files, of all groups. */
  readonly failed: readonly ImportFile[]
  readonly retries: readonly SentRetry[]
}

function FailureGroup({ one, group: { reason, failed: count }, failed, retries }: GroupProps) {
  const { cure } = reasonFor(reason)
  const files = filesOf(reason, failed, retries)
  const shared = useShared(files)
  const words = t().report.failures
  const first = files.slice(0, SHOWN)
  const listed = counted(first.length, ...t().common.file)
  return (
    <section className="reason">
      <h4>
        {heading(reason)}{' '}
        {count > 0 ? <span className="count">{counted(count, ...t().common.file)}</span> : <span className="chip chip-busy">{words.trying}</span>}
      </h4>
      {shared !== null && said(shared, reason) === shared && <p>{shared}</p>}
      {cure !== undefined && <p className="quiet">{cure}</p>}
      {one.state !== 'cancelled' && (
        <div className="reason-actions">
          <RetryButton
            importId={one.id}
            retry={{ selection: { reason }, failures: { [reason]: count } }}
            label={count === 1 ? t().report.retry.oneFile : t().report.retry.files(formatCount(count))}
            trying={count === 0}
          />
        </div>
      )}
      {first.length > 0 && (
        <details>
          <summary>{first.length < count ? words.showFirst(listed) : words.show(listed)}</summary>
          <FileList one={one} files={first} withReasons={shared === null} failed={failed} />
        </details>
      )}
      {first.length < count && (
        <p>
          <FilesLink state="failed" reason={reason}>
            {words.list(counted(count, ...t().common.file))}
          </FilesLink>
        </p>
      )}
    </section>
  )
}

/** The message of all these files, if it is the same. It stays when the files are being tried again. */
function useShared(files: readonly ImportFile[]): string | null {
  const [last, setLast] = useState<string | null>(null)
  const messages = new Set(files.map(({ message }) => message))
  const shared = messages.size === 1 ? (files[0]?.message ?? null) : null
  const shown = files.length === 0 ? last : shared
  if (shown !== last) setLast(shown)
  return shown
}
