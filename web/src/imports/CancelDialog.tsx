/** Asks before an import is cancelled, because a cancelled import cannot be resumed. */
import type { UseMutationResult } from '@tanstack/react-query'
import { useRef } from 'react'
import type { Control, Import } from '../api/types'
import { counted } from '../text/format'
import { t } from '../text/language'
import { importName } from '../text/names'
import { whyNot } from '../text/problems'
import { hasEnded } from '../text/states'
import { Dialog } from '../ui/Dialog'

interface Props {
  readonly one: Import
  readonly control: UseMutationResult<Import, Error, Control>
  readonly onClose: () => void
}

export function CancelDialog({ one, control, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const ended = hasEnded(one)
  const words = t().report.cancelDialog
  const failed = control.isError && control.variables === 'cancel'

  function confirm() {
    if (!control.isPending) control.mutate('cancel', { onSuccess: () => dialog.current?.close() })
  }

  return (
    <Dialog ref={dialog} labelledBy="cancel-title" describedBy="cancel-keeps" onClose={onClose}>
      <h2 id="cancel-title">
        {words.before} <bdi>{importName(one)}</bdi>
        {words.after}
      </h2>
      <div id="cancel-keeps">{ended ? <p>{words.ended}</p> : <WhatStays one={one} />}</div>
      <p className="said said-bad" role="alert">
        {failed && whyNot('cancel', control.error)}
      </p>
      <div className="dialog-buttons">
        {/* The first button has the focus. It is the one that changes nothing. */}
        <button type="button" onClick={() => dialog.current?.close()}>
          {ended ? words.close : one.state === 'paused' ? words.keepPaused : words.keep}
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

function WhatStays({ one }: { one: Import }) {
  const stored = one.stored + one.unchanged
  const words = t().report.cancelDialog
  const { image } = t().common
  return (
    <ul className="points">
      <li>{stored === 0 ? words.noneStored : words.stored(stored, counted(stored, ...image))}</li>
      <li>{one.pending === 0 ? words.searching : words.pending(counted(one.pending, ...image))}</li>
      <li>{words.final}</li>
    </ul>
  )
}
