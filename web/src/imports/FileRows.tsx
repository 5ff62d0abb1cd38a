/** Any number of files. Only the rows in sight are rendered; their height is known, and never measured. */
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Import, ImportFile } from '../api/types'
import { t } from '../text/language'
import { FileActions } from './FileActions'
import { HistoryButton } from './History'
import { factsOf, whyOf } from './fileFacts'

const ROW_PX = 88
const PHONE_ROW_PX = 132
const PHONE = '(max-width: 520px)'

interface Props {
  readonly one: Import
  readonly files: readonly ImportFile[]
  /** Those of the files that have failed. The others are being retried. Null in lists of other states. */
  readonly failed: readonly ImportFile[] | null
  readonly hasMore: boolean
  /** Called when the last row comes into sight. */
  readonly onEnd: () => void
}

export function FileRows({ one, files, failed, hasMore, onEnd }: Props) {
  const list = useRef<HTMLUListElement>(null)
  const [top, setTop] = useState(0)
  const height = useMatches(PHONE) ? PHONE_ROW_PX : ROW_PX
  // oxlint-disable-next-line react/incompatible-library -- nothing here is passed on, and no compiler memoises it
  const rows = useWindowVirtualizer({
    count: files.length,
    estimateSize: () => height,
    overscan: 6,
    scrollMargin: top,
    useFlushSync: false,
  })
  useEffect(() => rows.measure(), [rows, height])
  useLayoutEffect(() => {
    const read = () => setTop(Math.round((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY))
    read()
    // What is above it grows and shrinks while the import runs. jsdom has no layout, and no observer of it.
    const observer = 'ResizeObserver' in window ? new ResizeObserver(read) : null
    observer?.observe(document.body)
    return () => observer?.disconnect()
  }, [])
  const shown = rows.getVirtualItems()
  const last = shown.at(-1)?.index ?? -1
  useEffect(() => {
    if (hasMore && last >= files.length - 1) onEnd()
  })
  return (
    <>
      <ul className="rows" ref={list} style={{ height: rows.getTotalSize() }}>
        {shown.map(({ index, start }) => {
          const file = files[index]
          return (
            file && (
              <li
                key={file.driveId}
                aria-setsize={hasMore ? -1 : files.length}
                aria-posinset={index + 1}
                style={{ height, transform: `translateY(${start - top}px)` }}
              >
                <Row one={one} file={file} failed={failed} />
              </li>
            )
          )
        })}
      </ul>
      {hasMore && <p className="quiet">{t().common.busy}</p>}
    </>
  )
}

function Row({ one, file, failed }: { one: Import; file: ImportFile; failed: readonly ImportFile[] | null }) {
  const why = whyOf(file)
  return (
    <>
      <span className="file-name" title={file.name.slice(0, 300)}>
        <bdi>{file.name.slice(0, 300)}</bdi>
      </span>
      <span className="quiet file-facts">{factsOf(file).join(' · ')}</span>
      {why !== null && (
        <span className="file-message" title={why.slice(0, 300)}>
          {why.slice(0, 300)}
        </span>
      )}
      <div className="file-actions">
        {failed === null ? (
          <HistoryButton importId={one.id} driveId={file.driveId} name={file.name} />
        ) : (
          <FileActions one={one} file={file} trying={!failed.includes(file)} />
        )}
      </div>
    </>
  )
}

function useMatches(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = window.matchMedia?.(query)
      media?.addEventListener('change', listener)
      return () => media?.removeEventListener('change', listener)
    },
    () => window.matchMedia?.(query).matches === true,
  )
}
