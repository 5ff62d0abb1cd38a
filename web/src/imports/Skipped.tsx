/** Files that were deliberately not copied. They are not part of the equation. */
import { useState } from 'react'
import type { Import } from '../api/types'
import { useFiles } from '../queries'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { reasonFor } from '../text/reasons'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'
import { FileList } from './FileList'
import { byCount, total } from './progress'

export function Skipped({ one }: { one: Import }) {
  const [open, setOpen] = useState(false)
  const all = total(one.skipped)
  if (all === 0) return null
  const reasons = byCount(one.skipped).map(([reason, count]) => `${reasonFor(reason).title} (${formatCount(count)})`)
  return (
    <details className="skipped" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {t().report.skipped.summary(all, formatCount(all))} {reasons.join(', ')}
      </summary>
      {open && <SkippedFiles one={one} />}
    </details>
  )
}

function SkippedFiles({ one }: { one: Import }) {
  const query = useFiles(one, 'skipped')
  if (query.isPending) return <Skeleton label={t().report.skipped.loading} lines={3} />
  const files = query.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <>
      <Retry what={t().report.files.list} error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      <FileList one={one} files={files} withReasons failed={null} />
      {query.hasNextPage && (
        <button type="button" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {query.isFetchingNextPage ? t().common.busy : t().report.skipped.more}
        </button>
      )}
    </>
  )
}
