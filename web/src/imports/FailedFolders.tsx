/** Folders that could not be listed, each with its reason. Their files are in none of the counts. */
import type { FailedFolder, Import } from '../api/types'
import { useFailedFolders } from '../queries'
import { counted, formatCount } from '../text/format'
import { heading, reasonFor } from '../text/reasons'
import { isRunning } from '../text/states'
import { Retry } from '../ui/Retry'

export function FailedFolders({ one }: { one: Import }) {
  // The message of an import that failed as a whole already says so.
  return one.foldersFailed === 0 || one.state === 'failed' ? null : <Named one={one} />
}

function Named({ one }: { one: Import }) {
  const query = useFailedFolders(one.id, isRunning(one))
  const folders = query.data?.failedFolders ?? []
  const unnamed = one.foldersFailed - folders.length
  return (
    <section className="card failures" aria-labelledby="failed-folders">
      <h3 id="failed-folders">
        {counted(one.foldersFailed, 'folder', 'folders')} could not be listed
      </h3>
      <p className="quiet">Files in these folders are not included in the numbers above.</p>
      <Retry what="The list of folders" error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      <ul className="files">
        {folders.map((folder) => (
          <Folder key={folder.folderId} folder={folder} />
        ))}
      </ul>
      {folders.length > 0 && unnamed > 0 && <p className="quiet">And {formatCount(unnamed)} more.</p>}
    </section>
  )
}

function Folder({ folder }: { folder: FailedFolder }) {
  const { cure } = reasonFor(folder.reason)
  return (
    <li>
      <span className="file-name">{folder.path === '' ? 'The imported folder itself' : folder.path}</span>
      <span className="file-message">{folder.message === '' ? heading(folder.reason) : folder.message}</span>
      {cure !== undefined && <span className="quiet file-facts">{cure}</span>}
      <span className="quiet file-facts">Drive ID {folder.folderId}</span>
    </li>
  )
}
