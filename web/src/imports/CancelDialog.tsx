/** Asks before an import is cancelled, because a cancelled import cannot be resumed. */
import type { UseMutationResult } from '@tanstack/react-query'
import { useRef } from 'react'
import type { Control, Import } from '../api/types'
import { counted } from '../text/format'
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
  const failed = control.isError && control.variables === 'cancel'

  function confirm() {
    if (!control.isPending) control.mutate('cancel', { onSuccess: () => dialog.current?.close() })
  }

  return (
    <Dialog ref={dialog} labelledBy="cancel-title" describedBy="cancel-keeps" onClose={onClose}>
      <h2 id="cancel-title">
        Cancel the import of <bdi>{importName(one)}</bdi>?
      </h2>
      <div id="cancel-keeps">{ended ? <p>The import has ended in the meantime.</p> : <WhatStays one={one} />}</div>
      <p className="said said-bad" role="alert">
        {failed && whyNot('cancel', control.error)}
      </p>
      <div className="dialog-buttons">
        {/* The first button has the focus. It is the one that changes nothing. */}
        <button type="button" onClick={() => dialog.current?.close()}>
          {ended ? 'Close' : one.state === 'paused' ? 'Keep it paused' : 'Keep importing'}
        </button>
        {!ended && (
          <button type="button" className="danger" aria-disabled={control.isPending} onClick={confirm}>
            {control.isPending ? 'Cancelling…' : 'Cancel the import'}
          </button>
        )}
      </div>
    </Dialog>
  )
}

function WhatStays({ one }: { one: Import }) {
  const stored = one.stored + one.unchanged
  return (
    <ul className="points">
      <li>
        {stored === 0 ? 'No images have been stored yet.' : `${counted(stored, 'image is', 'images are')} stored and will be kept.`}
      </li>
      <li>{counted(one.pending, 'image', 'images')} will not be copied, and the search for more will stop.</li>
      <li>
        A cancelled import cannot be resumed. You can import the folder again. Images that are already stored are not
        downloaded again.
      </li>
    </ul>
  )
}
