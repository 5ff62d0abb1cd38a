/**
 * Beside an act: the same act for a terminal. In a dialog, so that nothing moves, a row of a list keeps its
 * height, and the lines can be selected by hand where a browser does not let a page copy.
 */
import { useId, useRef, useState } from 'react'
import { t } from '../text/language'
import { Dialog } from '../ui/Dialog'
import { Commands } from './Commands'
import type { Command } from './shell'

interface Props {
  /** The act, as its button says it. */
  readonly what: string
  /** Asked for when it is opened. */
  readonly commands: () => readonly Command[]
}

export function CommandsButton({ what, commands }: Props) {
  const [open, setOpen] = useState(false)
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const words = t().common.commands
  return (
    <>
      <button
        type="button"
        className="terminal"
        aria-haspopup="dialog"
        aria-label={words.of(what)}
        title={words.title}
        onClick={() => setOpen(true)}
      />
      {open && (
        <Dialog ref={dialog} className="commands-dialog" labelledBy={id} onClose={() => setOpen(false)}>
          <h2 id={id}>{words.title}</h2>
          <Commands commands={commands()} />
          <div className="dialog-buttons">
            <button type="button" onClick={() => dialog.current?.close()}>
              {t().common.close}
            </button>
          </div>
        </Dialog>
      )}
    </>
  )
}
