/** How one file came to its present state: found, each call to Drive and to the store, each outcome. */
import { useId, useRef, useState, type ReactNode } from 'react'
import type { Journey, Outcome, Place } from '../api/types'
import { useJourney } from '../queries'
import { formatBytes, formatCount } from '../text/format'
import { t } from '../text/language'
import { heading } from '../text/reasons'
import { fileStateWords } from '../text/states'
import { Dialog } from '../ui/Dialog'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'
import { Time } from '../ui/Time'
import { answerWords, lasted, outcomeName, placeName, systemName } from './journey'

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
    </Dialog>
  )
}

function Shown({ journey, driveId }: { journey: Journey; driveId: string }) {
  const { label, tone } = fileStateWords(journey.state)
  const words = t().report.history
  return (
    <>
      <p>
        <span className={`chip chip-${tone}`}>{label}</span>{' '}
        {journey.path !== '' && <span className="quiet">{t().report.files.inFolder(journey.path)}</span>}
      </p>
      {journey.whyIncomplete !== null && <p className="note">{journey.whyIncomplete}</p>}
      <ol className="steps">
        {journey.foundAt !== null && (
          <Step title={words.found} at={journey.foundAt} place={journey.foundPlace} />
        )}
        {journey.outcomes.map((outcome, index) => (
          <OutcomeStep key={placeName(outcome.place)} outcome={outcome} first={index === 0} />
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
  const why = outcome.message ?? (outcome.reason === null ? null : heading(outcome.reason))
  return (
    <Step title={outcomeName(outcome, first)} at={outcome.at} place={outcome.place} state={outcome.state}>
      {outcome.tries.length > 0 && (
        <ul className="tries">
          {outcome.tries.map((one, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- two calls can begin at the same time
            <li key={index}>
              <Time at={one.at} precise /> {systemName(one.system)}: {answerWords(one.answer)}{' '}
              <span className="quiet">({lasted(one.seconds)})</span>
            </li>
          ))}
        </ul>
      )}
      {why !== null && <p>{why}</p>}
    </Step>
  )
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
