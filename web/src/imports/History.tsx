/** How one file came to its present state: found, each call to Drive and to the store, each outcome. */
import { Fragment, useId, useRef, useState, type ReactNode } from 'react'
import type { Journey, Outcome, Place } from '../api/types'
import { useJourney } from '../queries'
import { formatBytes, formatCount, formatDuration } from '../text/format'
import { t } from '../text/language'
import { said } from '../text/reasons'
import { fileStateWords } from '../text/states'
import { Dialog } from '../ui/Dialog'
import { InEnglish } from '../ui/InEnglish'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'
import { Time } from '../ui/Time'
import { Commands } from '../commands/Commands'
import { fileCommands } from './commands'
import { answerWords, gapBefore, grouped, lasted, outcomeName, placeName, summary, systemName, type Calls } from './journey'

interface Props {
  readonly importId: string
  readonly driveId: string
  readonly name: string
}

export function HistoryButton({ importId, driveId, name }: Props) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <button type="button" aria-haspopup="dialog" aria-label={t().report.history.of(name)} onClick={() => setOpen(true)}>
        {t().report.history.button}
      </button>
      {open && <History importId={importId} driveId={driveId} name={name} onClose={() => setOpen(false)} />}
    </>
  )
}

function History({ importId, driveId, name, onClose }: Props & { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const query = useJourney(importId, driveId)
  return (
    <Dialog ref={dialog} className="history" labelledBy={id} onClose={onClose}>
      <header className="history-head">
        <h2 id={id}>
          {t().report.history.before} <bdi>{name}</bdi>
        </h2>
        <button type="button" aria-label={t().common.close} onClick={() => dialog.current?.close()}>
          ✕
        </button>
      </header>
      <Retry what={t().report.history.what} error={query.error} hasOlder={false} onRetry={() => void query.refetch()} />
      {query.isPending && <Skeleton label={t().report.history.loading} lines={4} />}
      {query.data !== undefined && <Shown journey={query.data} driveId={driveId} />}
      {query.data !== undefined && (
        <details>
          <summary>{t().report.actions.commands}</summary>
          <Commands commands={fileCommands(importId, driveId, query.data.state === 'failed')} />
        </details>
      )}
    </Dialog>
  )
}

function Shown({ journey, driveId }: { journey: Journey; driveId: string }) {
  const { label, tone } = fileStateWords(journey.state)
  const words = t().report.history
  const all = summary(journey)
  return (
    <>
      <p>
        <span className={`chip chip-${tone}`}>{label}</span>{' '}
        {journey.path !== '' && <span className="quiet">{t().report.files.inFolder(journey.path)}</span>}
      </p>
      {all !== null && <p>{all}</p>}
      {journey.whyIncomplete !== null && (
        <p className="note">
          <InEnglish text={journey.whyIncomplete} />
        </p>
      )}
      <ol className="steps">
        {journey.foundAt !== null && (
          <Step title={words.found} at={journey.foundAt} place={journey.foundPlace} />
        )}
        {journey.outcomes.map((outcome, index) => (
          <Fragment key={placeName(outcome.place)}>
            <Gap seconds={gapBefore(beganAt(outcome), journey.outcomes[index - 1]?.at ?? journey.foundAt)} />
            <OutcomeStep outcome={outcome} first={index === 0} />
          </Fragment>
        ))}
        {journey.state === 'pending' && (
          <li>
            <b>{journey.outcomes.length === 0 ? words.notTried : words.triedAgain}</b>
          </li>
        )}
      </ol>
      <dl className="lightbox-facts">
        {journey.size !== null && <Fact name={words.size}>{words.bytes(formatBytes(journey.size), formatCount(journey.size))}</Fact>}
        {journey.version !== null && <Fact name={words.version}>{journey.version}</Fact>}
        <Fact name={words.driveId}>{driveId}</Fact>
        {journey.objectKey !== null && <Fact name={words.objectKey}>{journey.objectKey}</Fact>}
        {journey.sha256 !== null && <Fact name="SHA-256">{journey.sha256}</Fact>}
        {journey.md5 !== null && <Fact name="MD5">{journey.md5}</Fact>}
      </dl>
    </>
  )
}

function OutcomeStep({ outcome, first }: { outcome: Outcome; first: boolean }) {
  const why = said(outcome.message, outcome.reason)
  return (
    <Step title={outcomeName(outcome, first)} at={outcome.at} place={outcome.place} state={outcome.state}>
      {outcome.tries.length > 0 && (
        <ul className="tries">
          {grouped(outcome.tries).map((group, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- two groups can begin at the same time
            <li key={index}>
              <CallsLine group={group} />
            </li>
          ))}
        </ul>
      )}
      {why !== null && <p>{why}</p>}
    </Step>
  )
}

/** Calls that went the same way are one line, which can be opened. */
function CallsLine({ group: { system, answer, calls, seconds } }: { group: Calls }) {
  const [first] = calls
  if (first === undefined) return null
  const line = (
    <>
      <Time at={first.at} precise /> {systemName(system)}: {answerWords(answer)}{' '}
      <span className="quiet">({calls.length > 1 ? t().report.history.times(formatCount(calls.length), lasted(seconds)) : lasted(seconds)})</span>
    </>
  )
  if (calls.length === 1) return line
  return (
    <details>
      <summary>{line}</summary>
      <ul>
        {calls.map((call, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- two calls can begin at the same time
          <li key={index}>
            <Time at={call.at} precise /> <span className="quiet">({lasted(call.seconds)})</span>
          </li>
        ))}
      </ul>
    </details>
  )
}

/** A long time in which nothing happened, as one line. */
function Gap({ seconds }: { seconds: number | null }) {
  return seconds === null ? null : <li className="gap quiet">{t().report.history.gap(formatDuration(seconds))}</li>
}

/** When work on it began again. */
function beganAt({ tries, at }: Outcome): Date {
  return tries[0]?.at ?? at
}

interface StepProps {
  readonly title: string
  readonly at: Date
  readonly place: Place | null
  readonly state?: string
  readonly children?: ReactNode
}

function Step({ title, at, place, state = 'found', children }: StepProps) {
  return (
    <li className={`step-${state}`}>
      <b>{title}</b>{' '}
      <span className="quiet">
        <Time at={at} />
      </span>
      {children}
      {place !== null && (
        <p className="quiet place">
          {placeName(place)}
        </p>
      )}
    </li>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code>{children}</code>
      </dd>
    </>
  )
}
