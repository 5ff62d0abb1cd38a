/** One replay: how far it is, what came of its files, and the buttons that steer it. */
import { Link } from '@tanstack/react-router'
import { Fragment } from 'react'
import { isNotFound, sentence } from '../api/errors'
import type { Replay, ReplayReport } from '../api/replays'
import { byCount, PARTS, sumOfParts } from '../imports/progress'
import { WaitingLine } from '../imports/WaitingLine'
import { useImport } from '../queries'
import { counted, formatBytes, formatCount } from '../text/format'
import { t } from '../text/language'
import { importName } from '../text/names'
import { heading } from '../text/reasons'
import { InEnglish } from '../ui/InEnglish'
import { Fact } from '../ui/Fact'
import { PageTitle } from '../ui/PageTitle'
import { Skeleton } from '../ui/Skeleton'
import { Time } from '../ui/Time'
import { ReplayActions } from './ReplayActions'
import { ReplayAnnouncer } from './ReplayAnnouncer'
import { ReplayBar, ReplayChip } from './ReplayList'
import { countsOf, hasEnded, partsRead, percentDone } from './progress'
import { useReplay } from './queries'

export function ReplayDetail({ id }: { id: string }) {
  const { data, error } = useReplay(id)
  const words = t().replays
  if (data !== undefined) return <Report one={data} />
  if (error === null) return <Skeleton label={words.loading} lines={5} />
  return (
    <div className="note note-bad" role="alert">
      <p>{isNotFound(error) ? words.missing(id) : words.notLoaded(sentence(error))}</p>
    </div>
  )
}

function Report({ one }: { one: ReplayReport }) {
  const percent = percentDone(one, one.parts)
  const words = t().replays
  return (
    <article className="detail" aria-labelledby="replay-title" data-state={one.state}>
      <section className="card report">
        <header className="report-head">
          <PageTitle id="replay-title">{one.name}</PageTitle>
          <ReplayChip one={one} />
        </header>
        <p>
          <bdi>{one.why}</bdi>
          {one.by !== null && <span className="quiet"> {words.by(one.by)}</span>}
        </p>
        {one.message !== null && !isEmpty(one) && (
          <p className={one.state === 'failed' ? 'note note-bad' : 'note'}>
            <InEnglish text={one.message} />
          </p>
        )}
        {one.waitingFor !== null && <WaitingLine waiting={one.waitingFor} />}
        <div className="progress">
          <ReplayBar one={one} />
          {percent !== null && <span className="percent">{percent} %</span>}
        </div>
        <Equation one={one} />
        <ReplayActions one={one} />
        <ReplayAnnouncer one={one} percent={percent} />
        <Facts one={one} />
      </section>
      <Failed one={one} />
      <Pending one={one} />
    </article>
  )
}

function Equation({ one }: { one: Replay }) {
  const counts = countsOf(one)
  const { parts } = t().report
  const sum = sumOfParts(counts)
  return (
    <>
      <p className="equation" data-testid="equation">
        <b>{formatCount(counts.found)}</b> {t().replays.selected} ={' '}
        {PARTS.map((part, index) => (
          <Fragment key={part}>
            {index > 0 && ' + '}
            <span className="term">
              <span className={`dot part-${part}`} aria-hidden="true" />
              <b>{formatCount(counts[part])}</b> {parts[part]}
            </span>
          </Fragment>
        ))}
      </p>
      {sum !== counts.found && (
        <p className="note note-bad" role="alert">
          {t().report.wrongSum(formatCount(sum))}
        </p>
      )}
      {isEmpty(one) && <p className="note">{t().replays.empty}</p>}
    </>
  )
}

/** Then the API's message says only that. */
function isEmpty(one: Replay): boolean {
  return hasEnded(one) && one.selected + one.redriven === 0 && (one.message === null || one.state === 'completed')
}

function Facts({ one }: { one: ReplayReport }) {
  const words = t().replays.facts
  const read = partsRead(one.parts)
  const { select } = one.plan
  return (
    <dl className="facts">
      <Fact name={words.what}>{words.mode(one.plan.mode, one.plan.transfer, select.deadLetters)}</Fact>
      <Fact name={words.planned}>{`${counted(one.plan.files, ...t().common.file)}, ${formatBytes(one.plan.bytes)}`}</Fact>
      <Fact name={words.stored}>{formatBytes(one.storedBytes)}</Fact>
      {one.redriven > 0 && <Fact name={words.redriven}>{formatCount(one.redriven)}</Fact>}
      {one.plan.target !== null && <Fact name={words.target}>{`feeds.${one.plan.target}`}</Fact>}
      <Fact name={words.rate}>{one.filesPerSecond === null ? t().replays.start.noLimit : t().report.facts.filesPerSecond(formatCount(one.filesPerSecond))}</Fact>
      {read.all > 0 && <Fact name={words.log}>{words.read(formatCount(read.done), formatCount(read.all))}</Fact>}
      {one.requestedAt !== null && (
        <Fact name={t().report.facts.started}>
          <Time at={one.requestedAt} />
        </Fact>
      )}
      {one.finishedAt !== null && (
        <Fact name={words.ended}>
          <Time at={one.finishedAt} />
        </Fact>
      )}
      {select.reasons.length > 0 && <Fact name={words.reasons}>{select.reasons.map(heading).join(', ')}</Fact>}
      {select.imports.length > 0 && (
        <Fact name={words.imports}>
          {select.imports.slice(0, 3).map((id) => (
            <ImportLink key={id} id={id} />
          ))}
          {select.imports.length > 3 && ` ${words.more(formatCount(select.imports.length - 3))}`}
        </Fact>
      )}
    </dl>
  )
}

function ImportLink({ id }: { id: string }) {
  const { data } = useImport(id)
  return (
    <Link className="fact-link" to="/imports/$id" params={{ id }}>
      <bdi>{data === undefined ? id : importName(data)}</bdi>
    </Link>
  )
}

function Failed({ one }: { one: Replay }) {
  const reasons = byCount(one.failures)
  if (reasons.length === 0) return null
  return (
    <section className="card failures" aria-labelledby="replay-failures">
      <h2 id="replay-failures">{t().report.failures.title}</h2>
      <ul>
        {reasons.map(([reason, count]) => (
          <li key={reason}>
            {heading(reason)}: {counted(count, ...t().common.file)}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Pending({ one }: { one: ReplayReport }) {
  if (one.pendingFiles.length === 0 || one.pending === 0) return null
  return (
    <section className="card failures" aria-labelledby="replay-pending">
      <h2 id="replay-pending">{t().replays.pending(counted(one.pending, ...t().common.file))}</h2>
      <ul className="preview-names">
        {one.pendingFiles.map((name, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- two files may have one name
          <li key={index} title={name.slice(0, 300)}>
            <bdi>{name.slice(0, 300)}</bdi>
          </li>
        ))}
      </ul>
    </section>
  )
}
