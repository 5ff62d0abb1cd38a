import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState, type FormEvent } from 'react'
import { ApiError, isUnreachable, sentence } from '../api/errors'
import { startReplay } from '../api/replays'
import { Commands } from '../commands/Commands'
import { newKey } from '../start/idempotencyKey'
import { t } from '../text/language'
import { startReplayCommand } from './commands'
import { rateOf } from './progress'

const LONGEST_NAME = 200
const LONGEST_WHY = 4_000

/** What has been typed. It stays when the plan is made again. */
export interface Draft {
  readonly name: string
  readonly why: string
  readonly rate: string
}

interface Props {
  readonly planId: string
  readonly draft: Draft
  readonly onDraft: (draft: Draft) => void
  readonly onPlanAgain: () => void
  readonly onStarted: (replayId: string) => void
}

/** A name and a purpose, which are kept for ever, and a limit of the speed. */
export function StartForm({ planId, draft, onDraft, onPlanAgain, onStarted }: Props) {
  const client = useQueryClient()
  const { name, why, rate } = draft
  const [incomplete, setIncomplete] = useState(false)
  // One key for each plan and text, so that sending it again after a lost response starts no second replay.
  const key = useRef<string | null>(null)
  const filesPerSecond = rateOf(rate)
  const start = useMutation({
    mutationFn: () => startReplay({ planId, name: name.trim(), why: why.trim(), filesPerSecond: filesPerSecond ?? null }, (key.current ??= newKey())),
    onSuccess: (replayId) => {
      void client.invalidateQueries({ queryKey: ['replays'] })
      onStarted(replayId)
    },
  })
  const words = t().replays.start
  const isStale = start.error instanceof ApiError && ['plan_expired', 'log_changed', 'bad_plan'].includes(start.error.code ?? '')

  function edit(changes: Partial<Draft>) {
    onDraft({ ...draft, ...changes })
    setIncomplete(false)
    key.current = null
    if (start.isError) start.reset()
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    const whole = name.trim() !== '' && why.trim() !== '' && filesPerSecond !== undefined
    setIncomplete(!whole)
    if (whole && !start.isPending) start.mutate()
  }

  return (
    <form className="replay-start" onSubmit={submit} noValidate aria-label={words.go}>
      <label>
        {words.name}
        <input value={name} maxLength={LONGEST_NAME} placeholder={words.nameExample} onChange={(event) => edit({ name: event.target.value })} />
      </label>
      <label>
        {words.why}
        <textarea rows={2} value={why} maxLength={LONGEST_WHY} onChange={(event) => edit({ why: event.target.value })} />
      </label>
      <label>
        {words.rate}
        <input
          inputMode="numeric"
          value={rate}
          aria-invalid={filesPerSecond === undefined}
          placeholder={words.noLimit}
          onChange={(event) => edit({ rate: event.target.value })}
        />
      </label>
      <p className="quiet">{words.kept}</p>
      <p className="field-problem" role="alert">
        {incomplete && (filesPerSecond === undefined ? words.badRate : words.incomplete)}
        {start.error !== null && !isStale && (isUnreachable(start.error) ? words.perhaps : words.notStarted(sentence(start.error)))}
      </p>
      {isStale ? (
        <div className="note" role="alert">
          <p>{words.stale(sentence(start.error))}</p>
          <button type="button" onClick={onPlanAgain}>
            {words.planAgain}
          </button>
        </div>
      ) : (
        <button type="submit" className="primary" aria-disabled={start.isPending}>
          {start.isPending ? words.going : words.go}
        </button>
      )}
      <details>
        <summary>{t().report.actions.commands}</summary>
        <Commands commands={[startReplayCommand({ planId, name, why, filesPerSecond: filesPerSecond ?? null })]} />
      </details>
    </form>
  )
}
