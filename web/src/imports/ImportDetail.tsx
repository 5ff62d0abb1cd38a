/** One import: its progress, its failures, what was skipped, and its pictures. */
import { isNotFound, sentence } from '../api/errors'
import type { Import, ImportReport } from '../api/types'
import { LatestImages } from '../images/LatestImages'
import { useForgetRetries } from '../mutations'
import { useImport } from '../queries'
import { counted, formatCount } from '../text/format'
import { t } from '../text/language'
import { importName } from '../text/names'
import { said } from '../text/reasons'
import { hasEnded, isListing, isRunning } from '../text/states'
import { PageTitle } from '../ui/PageTitle'
import { Skeleton } from '../ui/Skeleton'
import { StateChip } from '../ui/StateChip'
import { Actions } from './Actions'
import { Announcer } from './Announcer'
import { Downloads } from './Downloads'
import { driveLink } from './driveLink'
import { Equation } from './Equation'
import { Facts } from './Facts'
import { FailedFolders } from './FailedFolders'
import { Failures } from './Failures'
import { Files } from './Files'
import { Parked } from './Parked'
import { ProgressBar } from './ProgressBar'
import { percentDone, total } from './progress'
import { Skipped } from './Skipped'

export function ImportDetail({ id }: { id: string }) {
  const { data, error } = useImport(id)
  if (data !== undefined) return <Report one={data} />
  return (
    <section className="detail">
      {error === null ? <Skeleton label={t().report.loading} lines={5} /> : <Missing id={id} error={error} />}
    </section>
  )
}

export function Missing({ id, error }: { id: string; error: Error }) {
  return (
    <div className="note note-bad" role="alert">
      {isNotFound(error) ? (
        <p>{t().report.missing(id)}</p>
      ) : (
        <p>{t().report.notLoaded(sentence(error))}</p>
      )}
    </div>
  )
}

function Report({ one }: { one: ImportReport }) {
  useForgetRetries(one)
  const progress = progressOf(one)
  const message = said(one.message, one.failedFolders.find(({ path }) => path === '')?.reason ?? null)
  const foundNothing = one.found === 0 && hasEnded(one) && one.state !== 'failed'
  return (
    <article className="detail" aria-labelledby="import-title" data-state={one.state}>
      <section className="card report">
        <Head one={one} />
        {one.message !== null && (
          <p className={one.state === 'failed' ? 'note note-bad' : 'note'} role={one.state === 'failed' ? 'alert' : undefined}>
            {message}
          </p>
        )}
        <div className="progress">
          <ProgressBar one={one} />
          {progress !== '' && <span className="percent">{progress}</span>}
        </div>
        <Equation one={one} />
        {!foundNothing && <LatestImages one={one} />}
        <Actions key={one.id} one={one} />
        {one.state === 'cancelled' && <Cancelled one={one} />}
        {foundNothing && <NoImages one={one} />}
        <Skipped one={one} />
        <Parked one={one} />
        <Announcer one={one} />
        <Facts one={one} />
        <Downloads one={one} />
      </section>
      <FailedFolders one={one} />
      <Failures one={one} />
      <Files one={one} />
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
          {t().report.openInDrive}
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
  const { before, kept, after } = t().report.cancelled
  return (
    <p className="note">
      {before} {one.stored + one.unchanged > 0 && `${kept} `}
      {after}
    </p>
  )
}

/** What it means that nothing was found. */
function NoImages({ one }: { one: Import }) {
  const words = t().report.noImages
  if (one.state === 'cancelled') return <p className="note">{words.cancelled}</p>
  const skipped = total(one.skipped)
  return (
    <p className="note">
      {skipped > 0 ? words.onlyOthers(skipped, formatCount(skipped)) : one.foldersFailed > 0 ? words.notListed : words.empty}
    </p>
  )
}

function progressOf(one: Import): string {
  if (one.state === 'cancelled') return one.pending === 0 ? '' : t().report.notDone(formatCount(one.pending))
  const percent = percentDone(one)
  return percent === null ? soFar(one) : `${percent} %`
}

function soFar(one: Import): string {
  if (!isListing(one)) return ''
  return one.found === 0 ? t().report.reading : t().report.foundSoFar(counted(one.found, ...t().common.image))
}
