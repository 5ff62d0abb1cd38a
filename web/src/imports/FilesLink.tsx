import { Link, useSearch } from '@tanstack/react-router'
import type { CSSProperties, MouseEvent, ReactNode } from 'react'
import type { FileState } from '../api/types'

/** The id of the heading of the list of files. */
export const FILES = 'files'

interface Props {
  readonly state: FileState
  /** Only files that failed for this reason. */
  readonly reason?: string | undefined
  readonly className?: string
  /** Whether there are no such files. Then it is only text. */
  readonly empty?: boolean
  /** For pointers only: another link does the same. */
  readonly silent?: boolean
  readonly title?: string
  readonly style?: CSSProperties
  readonly children: ReactNode
}

/** Lists the files in this state further down on the page, and says so in the URL. */
export function FilesLink({ state, reason, className, empty = false, silent = false, title, style, children }: Props) {
  const { show, reason: shownReason } = useSearch({ strict: false })
  const isShown = show === state && shownReason === reason
  if (empty && !isShown) return <span className={className}>{children}</span>
  return (
    <Link
      to="."
      search={(old) => ({ ...old, show: state, reason })}
      className={className}
      title={title}
      style={style}
      tabIndex={silent ? -1 : undefined}
      // Marks it as the current one.
      activeOptions={{ exact: true }}
      resetScroll={false}
      onClick={goToFiles}
    >
      {children}
    </Link>
  )
}

/** The list is below what is in sight. */
function goToFiles(event: MouseEvent): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
  const heading = document.getElementById(FILES)
  heading?.focus({ preventScroll: true })
  heading?.scrollIntoView?.({ block: 'start' })
}
