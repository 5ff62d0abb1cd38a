/** Folders that could not be listed, each with its reason. Their files are in none of the counts. */
import type { FailedFolder, Import } from '../api/types'
import { useRetries, type SentRetry } from '../mutations'
import { useImport } from '../queries'
import { counted, formatCount } from '../text/format'
import { t } from '../text/language'
import { reasonFor, said } from '../text/reasons'
import { HandsOverFocus } from '../ui/HandsOverFocus'
import { Retry } from '../ui/Retry'
import { RetryButton } from './RetryButton'
import { foldersOf } from './retries'

export function FailedFolders({ one }: { one: Import }) {
  const retries = useRetries(one)
  const retried = retries.some(({ folders }) => folders !== undefined)
  // The message of an import that failed as a whole already says so.
  if (one.state === 'failed' || (one.foldersFailed === 0 && !retried)) return null
  return <Named one={one} retries={retries} />
}

function Named({ one, retries }: { one: Import; retries: readonly SentRetry[] }) {
  const query = useImport(one.id)
  const failed = query.data?.failedFolders ?? []
  const unnamed = one.foldersFailed - failed.length
  const words = t().report.failedFolders
  return (
    <HandsOverFocus to="import-title">
      <section className="card failures" aria-labelledby="failed-folders">
        <h3 id="failed-folders" tabIndex={-1}>
          {one.foldersFailed === 0
            ? words.retried
            : words.title(counted(one.foldersFailed, ...t().common.folder))}
        </h3>
        <p className="quiet">{words.excluded}</p>
        <Retry what={words.list} error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
        {failed.length > 1 && one.state !== 'cancelled' && (
          <HandsOverFocus to="failed-folders">
            <RetryButton importId={one.id} retry={retryOf(failed)} label={labelOf(failed.length, unnamed)} trying={false} />
          </HandsOverFocus>
        )}
        <ul className="files">
          {foldersOf(failed, retries).map((folder) => (
            <Folder key={folder.folderId} one={one} folder={folder} trying={!failed.includes(folder)} />
          ))}
        </ul>
        {failed.length > 0 && unnamed > 0 && <p className="quiet">{words.more(formatCount(unnamed))}</p>}
      </section>
    </HandsOverFocus>
  )
}

function labelOf(named: number, unnamed: number): string {
  return unnamed > 0 ? t().report.retry.firstFolders(formatCount(named)) : t().report.retry.folders(formatCount(named))
}

function retryOf(folders: readonly FailedFolder[]) {
  return { selection: { folders: folders.map(({ folderId }) => folderId) }, folders }
}

function Folder({ one, folder, trying }: { one: Import; folder: FailedFolder; trying: boolean }) {
  const { cure } = reasonFor(folder.reason)
  const name = folder.path === '' ? t().report.failedFolders.root : folder.path
  return (
    <li>
      <span className="file-name">{name}</span>
      <span className="file-message">{said(folder.message, folder.reason)}</span>
      {cure !== undefined && <span className="quiet file-facts">{cure}</span>}
      <span className="quiet file-facts">{t().report.files.driveId(folder.folderId)}</span>
      {one.state !== 'cancelled' && (
        <div className="file-actions">
          <RetryButton importId={one.id} retry={retryOf([folder])} label={t().report.retry.again} what={name} trying={trying} />
        </div>
      )}
    </li>
  )
}
