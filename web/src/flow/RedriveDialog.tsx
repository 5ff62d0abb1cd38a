/** Publishes the dead letters again, as a replay: first what it would do, then a name and a reason. */
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { serverNow } from '../api/clock'
import { ApiError, sentence } from '../api/errors'
import { CommandsButton } from '../commands/CommandsButton'
import { startReplayCommand } from '../replays/commands'
import { newKey } from '../start/idempotencyKey'
import { counted, formatBytes, formatCount, formatMoment } from '../text/format'
import { t } from '../text/language'
import { Dialog } from '../ui/Dialog'
import { Skeleton } from '../ui/Skeleton'
import { planRedrive, startRedrive, type RedrivePlan } from './system'

export function RedriveDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const { redrive: words } = t().flow
  const { data, error, isPending, mutate } = useMutation({ mutationFn: planRedrive })
  useEffect(() => mutate(), [mutate])
  return (
    <Dialog ref={dialog} labelledBy="redrive" describedBy="redrive-what" onClose={onClose}>
      <h2 id="redrive">{words.title}</h2>
      <p id="redrive-what">{words.what}</p>
      {isPending && <Skeleton label={words.planning} lines={2} />}
      <p className="said said-bad" role="alert">
        {error !== null && words.notPlanned(whyNot(error))}
      </p>
      {data !== undefined && data.records > 0 && <Start plan={data} onPlanAgain={() => mutate()} onClose={() => dialog.current?.close()} />}
      {data?.records === 0 && <p className="note">{words.nothing}</p>}
      {(data === undefined || data.records === 0) && (
        <div className="dialog-buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            {t().common.close}
          </button>
        </div>
      )}
    </Dialog>
  )
}

function Start({ plan, onPlanAgain, onClose }: { plan: RedrivePlan; onPlanAgain: () => void; onClose: () => void }) {
  const { redrive: words } = t().flow
  const navigate = useNavigate()
  const [name, setName] = useState(() => words.named(formatMoment(new Date(serverNow()), new Date(0))))
  const [why, setWhy] = useState('')
  const [incomplete, setIncomplete] = useState(false)
  // The same key for every attempt, so that one that seemed to fail starts no second replay.
  const [key] = useState(newKey)
  const starting = useMutation({
    mutationFn: startRedrive,
    onSuccess: (id) => void navigate({ to: '/replays/$id', params: { id } }),
  })

  function submit(event: FormEvent) {
    event.preventDefault()
    const missing = name.trim() === '' || why.trim() === ''
    setIncomplete(missing)
    if (!missing && !starting.isPending) starting.mutate({ planId: plan.planId, name: name.trim(), why: why.trim(), key })
  }

  return (
    <form className="redrive" onSubmit={submit} noValidate>
      <Plan plan={plan} />
      <label>
        {words.name}
        <input value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
      </label>
      <label>
        {words.why}
        <input
          value={why}
          maxLength={4_000}
          aria-invalid={incomplete}
          aria-describedby="redrive-why"
          onChange={(event) => setWhy(event.target.value)}
        />
      </label>
      <p id="redrive-why" className="quiet">
        {words.whyHelp}
      </p>
      <p className="said said-bad" role="alert">
        {incomplete && words.whyMissing}
        {starting.error !== null && words.notStarted(whyNot(starting.error))}
      </p>
      <div className="dialog-buttons">
        <button type="button" onClick={onClose}>
          {words.cancel}
        </button>
        {starting.error instanceof ApiError && starting.error.status === 409 && (
          <button type="button" onClick={onPlanAgain}>
            {words.again}
          </button>
        )}
        <span className="act">
          <button type="submit" className="primary" aria-disabled={starting.isPending}>
            {starting.isPending ? words.starting : words.start}
          </button>
          <CommandsButton what={words.start} commands={() => [startReplayCommand({ planId: plan.planId, name, why, filesPerSecond: null })]} />
        </span>
      </div>
    </form>
  )
}

function Plan({ plan }: { plan: RedrivePlan }) {
  const { redrive: words } = t().flow
  return (
    <div className="note">
      <p>
        {words.plan} <b>{words.records(counted(plan.records, ...words.record), formatBytes(plan.bytes))}</b>
      </p>
      <ul>
        {Object.entries(plan.byTopic).map(([topic, records]) => (
          <li key={topic}>
            <code>{topic}</code> {formatCount(records)}
          </li>
        ))}
      </ul>
      <p>{plan.quotaUnits === 0 ? words.noQuota : words.quota(formatCount(plan.quotaUnits))}</p>
    </div>
  )
}

function whyNot(error: Error): string {
  return error instanceof ApiError && error.status === 403 ? t().flow.redrive.noScope : sentence(error)
}
