/** One import: its progress, its failures, what was skipped, and its pictures. */
import { isNotFound, sentence } from '../api/errors'
import type { Import } from '../api/types'
import { Gallery } from '../images/Gallery'
import { useForgetRetries } from '../mutations'
import { useImport } from '../queries'
import { counted, formatCount } from '../text/format'
import { importName } from '../text/names'
import { isListing, isRunning } from '../text/states'
import { PageTitle } from '../ui/PageTitle'
import { Skeleton } from '../ui/Skeleton'
import { StateChip } from '../ui/StateChip'
import { Actions } from './Actions'
import { Announcer } from './Announcer'
import { driveLink } from './driveLink'
import { Equation } from './Equation'
import { Facts } from './Facts'
import { FailedFolders } from './FailedFolders'
import { Failures } from './Failures'
import { Parked } from './Parked'
import { ProgressBar } from './ProgressBar'
import { percentDone } from './progress'
import { Skipped } from './Skipped'

export function ImportDetail({ id }: { id: string }) {
  const { data, error } = useImport(id)
  if (data !== undefined) return <Report one={data} />
  return (
    <section className="detail">
      {error === null ? <Skeleton label="Loading the import" lines={5} /> : <Missing id={id} error={error} />}
    </section>
  )
}

export function Missing({ id, error }: { id: string; error: Error }) {
  return (
    <div className="note note-bad" role="alert">
      {isNotFound(error) ? (
        <p>
          There is no import <code>{id}</code>. The link may be incomplete, or the data was deleted.
        </p>
      ) : (
        <p>This import could not be loaded. {sentence(error)}</p>
      )}
    </div>
  )
}

function Report({ one }: { one: Import }) {
  useForgetRetries(one)
  const progress = progressOf(one)
  return (
    <article className="detail" aria-labelledby="import-title" data-state={one.state}>
      <section className="card report">
        <Head one={one} />
        {one.message !== null && (
          <p className={one.state === 'failed' ? 'note note-bad' : 'note'} role={one.state === 'failed' ? 'alert' : undefined}>
            {one.message}
          </p>
        )}
        <div className="progress">
          <ProgressBar one={one} />
          {progress !== '' && <span className="percent">{progress}</span>}
        </div>
        <Equation one={one} />
        <Actions key={one.id} one={one} />
        {one.state === 'cancelled' && <Cancelled one={one} />}
        <Skipped one={one} />
        <Parked one={one} />
        <Announcer one={one} />
        <Facts one={one} />
      </section>
      <FailedFolders one={one} />
      <Failures one={one} />
      <Gallery one={one} />
    </article>
  )
}

function Head({ one }: { one: Import }) {
  const drive = driveLink(one.folderUrl, one.folderId)
  return (
    <header className="report-head">
      <PageTitle id="import-title" tab={tabOf(one)}>
        {importName(one)}
      </PageTitle>
      <StateChip state={one.state} />
      {drive !== null && (
        <a href={drive} target="_blank" rel="noreferrer">
          Open in Google Drive
        </a>
      )}
    </header>
  )
}

function tabOf(one: Import): string {
  const percent = percentDone(one)
  return isRunning(one) && percent !== null ? `${percent} % – ${importName(one)}` : importName(one)
}

function Cancelled({ one }: { one: Import }) {
  return (
    <p className="note">
      This import was cancelled. {one.stored + one.unchanged > 0 && 'Stored images are kept. '}
      To copy the rest, import the folder again. Images that are already stored are not downloaded again.
    </p>
  )
}

function progressOf(one: Import): string {
  if (one.state === 'cancelled') return one.pending === 0 ? '' : `${formatCount(one.pending)} not done`
  const percent = percentDone(one)
  return percent === null ? soFar(one) : `${percent} %`
}

function soFar(one: Import): string {
  if (!isListing(one)) return ''
  return one.found === 0 ? 'Reading the folder…' : `${counted(one.found, 'image', 'images')} found so far`
}
