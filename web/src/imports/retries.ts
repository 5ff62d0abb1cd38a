/** What of an import is being tried again, and how it is said. Pure. */
import type { FailedFolder, Import, ImportFile, Retried } from '../api/types'
import type { SentRetry } from '../mutations'
import { counted } from '../text/format'
import { t } from '../text/language'

/** "12 files", "1 file and 2 folders". */
export function filesAndFolders(files: number, folders: number): string {
  const parts = [files > 0 && counted(files, ...t().common.file), folders > 0 && counted(folders, ...t().common.folder)]
  return parts.filter((part) => part !== false).join(` ${t().report.retry.and} `)
}

export function retriedSentence({ files, folders }: Retried): string {
  if (files + folders === 0) return t().report.retry.nothing
  return t().report.retry.sent(files + folders, filesAndFolders(files, folders))
}

export interface Group {
  readonly reason: string
  /** Files that have failed for this reason. 0 if all of them are being tried again. */
  readonly failed: number
}

/**
 * Failures by reason, largest group first. A group that is being tried again keeps its place, so that
 * nothing moves under the pointer.
 */
export function groupsOf(one: Import, retries: readonly SentRetry[]): Group[] {
  const size = new Map<string, number>()
  for (const counts of [one.failures, ...retries.map(({ failures }) => failures ?? {})]) {
    for (const [reason, count] of Object.entries(counts)) size.set(reason, Math.max(count, size.get(reason) ?? 0))
  }
  return [...size]
    .filter(([, count]) => count > 0)
    .sort(([a, m], [b, n]) => n - m || a.localeCompare(b))
    .map(([reason]) => ({ reason, failed: one.failures[reason] ?? 0 }))
}

/** The failed files of a reason, and those of them that are being tried again, by Drive id. */
export function filesOf(reason: string, failed: readonly ImportFile[], retries: readonly SentRetry[]): ImportFile[] {
  const retried = retries.flatMap(({ files }) => files ?? [])
  const ofReason = (file: ImportFile) => file.reason === reason
  return together(failed.filter(ofReason), retried.filter(ofReason), ({ driveId }) => driveId)
}

/** The failed folders, and those that are being listed again, by path. */
export function foldersOf(failed: readonly FailedFolder[], retries: readonly SentRetry[]): FailedFolder[] {
  const retried = retries.flatMap(({ folders }) => folders ?? [])
  return together(failed, retried, ({ path, folderId }) => `${path}/${folderId}`)
}

/** What is being tried again keeps its place among the failures, which the API sends in order of `key`. */
function together<Item>(failed: readonly Item[], retried: readonly Item[], key: (item: Item) => string): Item[] {
  const all = new Map([...retried, ...failed].map((item) => [key(item), item]))
  if (all.size === failed.length) return [...failed]
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)
}
