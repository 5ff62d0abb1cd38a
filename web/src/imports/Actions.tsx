/** The buttons for an import as a whole. What can be done depends on its state. */
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Control, Import } from '../api/types'
import { Commands } from '../commands/Commands'
import { useControl, useRetries } from '../mutations'
import { t } from '../text/language'
import { whyNot } from '../text/problems'
import { hasEnded } from '../text/states'
import { HandsOverFocus } from '../ui/HandsOverFocus'
import { CancelDialog } from './CancelDialog'
import { commandsFor } from './commands'
import { ImportAgain } from './ImportAgain'
import { RetryButton } from './RetryButton'
import { filesAndFolders } from './retries'

export function Actions({ one }: { one: Import }) {
  const control = useControl(one.id)
  const [asking, setAsking] = useState(false)
  const [commands, setCommands] = useState(false)
  const link = one.folderUrl ?? one.folderId

  function closed() {
    setAsking(false)
    // The button that had the focus is gone if the import ended meanwhile.
    if (document.activeElement === document.body) document.getElementById('import-title')?.focus({ preventScroll: true })
  }

  return (
    <section className="actions" aria-label={t().report.actions.label}>
      <div className="actions-row">
        {!hasEnded(one) && (
          <HandsOverFocus to="import-title">
            <PauseOrResume one={one} control={control} />
            <button type="button" onClick={() => setAsking(true)}>
              {t().report.actions.cancel}
            </button>
          </HandsOverFocus>
        )}
        <RetryAll one={one} />
        {one.state === 'cancelled' && link !== null && <ImportAgain link={link} bulk={one.bulk} />}
        {/* A replay leaves out what was cancelled. */}
        {one.state !== 'cancelled' && (
          <Link className="plain" to="/replays" search={{ imports: [one.id] }}>
            {t().report.actions.replay}
          </Link>
        )}
        <button
          type="button"
          className="plain"
          aria-expanded={commands}
          aria-controls="commands"
          onClick={() => setCommands(!commands)}
        >
          {t().report.actions.commands}
        </button>
      </div>
      <p className="said said-bad" aria-live="polite">
        {control.isError && control.variables !== 'cancel' && whyNot(control.variables, control.error)}
      </p>
      <div id="commands">{commands && <Commands commands={commandsFor(one)} />}</div>
      {asking && <CancelDialog one={one} control={control} onClose={closed} />}
    </section>
  )
}

interface ControlProps {
  readonly one: Import
  readonly control: ReturnType<typeof useControl>
}

/** One button for both, so that the focus stays where it is. */
function PauseOrResume({ one, control }: ControlProps) {
  const act: Exclude<Control, 'cancel'> = one.state === 'paused' ? 'resume' : 'pause'
  const busy = control.isPending && control.variables === act
  const { pause, pausing, resume, resuming } = t().report.actions
  const [label, busyLabel] = act === 'pause' ? [pause, pausing] : [resume, resuming]
  return (
    <button
      type="button"
      className="steady"
      aria-disabled={control.isPending}
      onClick={({ detail }) => {
        // The second click of a double click would undo the first.
        if (!control.isPending && detail <= 1) control.mutate(act)
      }}
    >
      {busy ? busyLabel : label}
    </button>
  )
}

/** Only when the import has ended. Until then each group of failures has a button of its own. */
function RetryAll({ one }: { one: Import }) {
  const trying = useRetries(one).length > 0
  const label = filesAndFolders(one.failed, one.foldersFailed)
  if (!hasEnded(one) || one.state === 'cancelled' || label === '') return null
  return (
    <HandsOverFocus to="import-title">
      <RetryButton
        importId={one.id}
        retry={{ selection: {}, failures: one.failures }}
        label={t().report.retry.all(label)}
        trying={trying}
      />
    </HandsOverFocus>
  )
}
