/** Pause, resume, cancel and the rate of a replay. */
import { useRef, useState, type FormEvent } from 'react'
import { ApiError, isUnreachable, sentence } from '../api/errors'
import type { Replay } from '../api/replays'
import { Commands } from '../commands/Commands'
import { CommandsButton } from '../commands/CommandsButton'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { Dialog } from '../ui/Dialog'
import { HandsOverFocus } from '../ui/HandsOverFocus'
import { rateCommand, replayCommands } from './commands'
import { hasEnded, rateOf } from './progress'
import { useReplayControl, useReplayRate } from './queries'

export function ReplayActions({ one }: { one: Replay }) {
  const control = useReplayControl(one.id)
  const [asking, setAsking] = useState(false)
  const [commands, setCommands] = useState(false)
  const act = one.state === 'paused' ? 'resume' : 'pause'
  const busy = control.isPending && control.variables === act

  function closed() {
    setAsking(false)
    // The button that had the focus is gone if the replay ended meanwhile.
    if (document.activeElement === document.body) document.getElementById('replay-title')?.focus({ preventScroll: true })
  }

  const { pause, pausing, resume, resuming, ...words } = t().report.actions
  const [label, busyLabel] = act === 'pause' ? [pause, pausing] : [resume, resuming]
  return (
    <section className="actions" aria-label={words.label}>
      <div className="actions-row">
        {!hasEnded(one) && (
          <HandsOverFocus to="replay-title">
            <button
              type="button"
              className="steady"
              aria-disabled={control.isPending}
              // The second click of a double click would undo the first.
              onClick={({ detail }) => !control.isPending && detail <= 1 && control.mutate(act)}
            >
              {busy ? busyLabel : label}
            </button>
            <button type="button" onClick={() => setAsking(true)}>
              {words.cancel}
            </button>
            <Rate one={one} />
          </HandsOverFocus>
        )}
        <button type="button" className="plain" aria-expanded={commands} aria-controls="commands" onClick={() => setCommands(!commands)}>
          {words.commands}
        </button>
      </div>
      <p className="said said-bad" aria-live="polite">
        {control.error !== null && control.variables !== 'cancel' && whyNot(control.error)}
      </p>
      <div id="commands">{commands && <Commands commands={replayCommands(one)} />}</div>
      {asking && <CancelDialog one={one} control={control} onClose={closed} />}
    </section>
  )
}

function Rate({ one }: { one: Replay }) {
  const change = useReplayRate(one.id)
  const [text, setText] = useState(one.filesPerSecond === null ? '' : String(one.filesPerSecond))
  const rate = rateOf(text)
  const words = t().replays.rate

  function submit(event: FormEvent) {
    event.preventDefault()
    if (rate !== undefined && !change.isPending) change.mutate(rate)
  }

  return (
    <form className="replay-rate" onSubmit={submit}>
      <label>
        {words.label}
        <input
          inputMode="numeric"
          value={text}
          aria-invalid={rate === undefined}
          placeholder={t().replays.start.noLimit}
          onChange={(event) => {
            setText(event.target.value)
            change.reset()
          }}
        />
      </label>
      <span className="act">
        <button type="submit" aria-disabled={change.isPending || rate === undefined}>
          {change.isPending ? words.changing : words.change}
        </button>
        <CommandsButton what={t().replays.commands.rate} commands={() => [rateCommand(one, rate ?? null)]} />
      </span>
      <p className={change.isError || rate === undefined ? 'said said-bad' : 'said'} aria-live="polite">
        {rate === undefined && t().replays.start.badRate}
        {change.error !== null && whyNot(change.error)}
        {change.isSuccess && (one.filesPerSecond === null ? words.noLimit : words.changed(formatCount(one.filesPerSecond)))}
      </p>
    </form>
  )
}

interface CancelProps {
  readonly one: Replay
  readonly control: ReturnType<typeof useReplayControl>
  readonly onClose: () => void
}

function CancelDialog({ one, control, onClose }: CancelProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const words = t().replays.cancelDialog
  const ended = hasEnded(one)

  function confirm() {
    if (!control.isPending) control.mutate('cancel', { onSuccess: () => dialog.current?.close() })
  }

  return (
    <Dialog ref={dialog} labelledBy="cancel-title" describedBy="cancel-keeps" onClose={onClose}>
      <h2 id="cancel-title">{words.title}</h2>
      <p id="cancel-keeps">{ended ? words.ended : words.keeps}</p>
      <p className="said said-bad" role="alert">
        {control.error !== null && control.variables === 'cancel' && whyNot(control.error)}
      </p>
      <div className="dialog-buttons">
        <button type="button" onClick={() => dialog.current?.close()}>
          {ended ? t().common.close : words.keep}
        </button>
        {!ended && (
          <button type="button" className="danger" aria-disabled={control.isPending} onClick={confirm}>
            {control.isPending ? words.cancelling : words.cancel}
          </button>
        )}
      </div>
    </Dialog>
  )
}

function whyNot(error: Error): string {
  if (isUnreachable(error)) return t().report.perhaps
  const code = error instanceof ApiError ? error.code : null
  return code === 'replay_ended' ? t().replays.ended : sentence(error)
}
