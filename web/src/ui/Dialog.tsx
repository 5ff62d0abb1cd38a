import { useEffect, useRef, type ReactNode, type RefObject } from 'react'
import { createPortal } from 'react-dom'

interface Props {
  readonly ref?: RefObject<HTMLDialogElement | null>
  readonly className?: string
  /** The ids of its heading, and of what should be read out after it. */
  readonly labelledBy: string
  readonly describedBy?: string
  readonly onClose: () => void
  readonly children: ReactNode
}

/**
 * The browser's modal dialog. It keeps the focus inside, closes on Escape and on a click beside it,
 * and gives the focus back. It is outside the page's other content, whose styles do not reach it.
 */
export function Dialog({ ref, className = '', labelledBy, describedBy, onClose, children }: Props) {
  const own = useRef<HTMLDialogElement>(null)
  const dialog = ref ?? own
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal()
  }, [dialog])
  return createPortal(
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- keys are not for what lies below
    <dialog
      ref={dialog}
      className={`dialog ${className}`}
      aria-labelledby={labelledBy}
      aria-describedby={describedBy}
      closedby="any"
      // React lets it bubble, unlike the browser: a dialog may be opened in another one.
      onClose={({ target, currentTarget }) => target === currentTarget && onClose()}
      onKeyDown={(event) => event.stopPropagation()}
    >
      {children}
    </dialog>,
    document.body,
  )
}
