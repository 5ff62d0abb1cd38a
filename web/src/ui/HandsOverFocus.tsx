import { useLayoutEffect, useRef, type ReactNode } from 'react'

interface Props {
  /** The id of the element that takes the focus. */
  readonly to: string
  readonly children: ReactNode
}

/**
 * When its content is removed while the focus is in it, `to` takes the focus. The browser would move
 * it to the start of the page.
 */
export function HandsOverFocus({ to, children }: Props) {
  const frame = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const element = frame.current
    return () => {
      if (element?.contains(document.activeElement) === true) document.getElementById(to)?.focus({ preventScroll: true })
    }
  }, [to])
  return (
    <div className="no-box" ref={frame}>
      {children}
    </div>
  )
}
