/** The images of a list in rows of which only those in sight exist. One tile at a time has the focus. */
import { defaultRangeExtractor, useWindowVirtualizer, type Range, type Virtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react'
import { t } from '../text/language'
import { Retry } from '../ui/Retry'
import { useKeepPlace, type Place } from './keptPlace'
import { layoutOf, moved, type Layout } from './layout'
import { Tile } from './Tile'
import { useRange, type Sections } from './useImages'

/** In pixels a millisecond. */
const FAST = 6

interface Props {
  readonly sections: Sections
  /** The first image of the grid and how many it has: a part of a list that is too long to be scrolled through. */
  readonly first: number
  readonly count: number
  readonly layout: Layout
  readonly label: string
  /** The image that had been opened last: it gets the focus when it is closed. */
  readonly focused: { readonly index: number } | null
  /** Where one was before the page was loaded again. */
  readonly start: Place | null
  readonly onOpen: (driveId: string, index: number) => void
}

export function ImageGrid({ sections, first, count, layout, label, focused, start, onOpen }: Props) {
  const frame = useRef<HTMLDivElement>(null)
  const { columns, rowHeight, gap } = layout
  const rows = Math.ceil(count / columns)
  const [active, setActive] = useState(0)
  const [inside, setInside] = useState(false)
  const activeRow = inside ? Math.floor(active / columns) : -1
  const { fast, onChange } = useSpeed()
  const top = useTop(frame)
  const virtual = useWindowVirtualizer({
    count: rows,
    estimateSize: () => rowHeight,
    overscan: 3,
    scrollMargin: top,
    // The row with the focus stays, or the focus would be lost as it is scrolled out of sight.
    rangeExtractor: useCallback((range: Range) => withRow(defaultRangeExtractor(range), Math.min(activeRow, rows - 1)), [activeRow, rows]),
    // React 19 would render synchronously with each event.
    useFlushSync: false,
    onChange,
  })
  const { measure } = virtual
  useLayoutEffect(() => measure(), [measure, rowHeight])
  const shown = virtual.range ?? { startIndex: 0, endIndex: 0 }
  const from = first + Math.max(0, shown.startIndex - 4) * columns
  const to = first + Math.min(count, (shown.endIndex + 5) * columns) - 1
  // Tab leads to what one looks at, and back to where the focus was if that is in sight.
  const inSight = active >= shown.startIndex * columns && active < (shown.endIndex + 1) * columns
  const stop = Math.min(count - 1, inside || inSight ? active : shown.startIndex * columns)
  const range = useRange(sections, from, Math.max(from, to))

  // Whoever has the focus hears its name, however far one has scrolled away from it.
  const own = useRange(sections, inside ? first + active : from, inside ? first + active : from)

  const [moves, setMoves] = useState(0)
  function go(index: number) {
    setInside(true)
    setActive(index)
    setMoves((before) => before + 1)
    virtual.scrollToIndex(Math.floor(index / columns), { align: 'auto' })
  }
  useLayoutEffect(() => {
    // The row of the tile with the focus always exists.
    if (moves > 0) frame.current?.querySelector<HTMLElement>(`[data-index="${first + active}"]`)?.focus({ preventScroll: true })
    // oxlint-disable-next-line react/exhaustive-deps -- a tile that one only clicked on has the focus already
  }, [moves])
  useEffect(() => {
    if (focused !== null && focused.index >= first && focused.index < first + count) go(focused.index - first)
    // oxlint-disable-next-line react/exhaustive-deps -- only when another image was opened or closed
  }, [focused])

  useStart(frame, start, first, layout)
  useKeepPlace(
    useCallback(() => {
      const down = window.scrollY - topOf(frame.current)
      const index = first + Math.floor(down / rowHeight) * columns
      return down < 0 ? null : { index, offset: Math.round(down % rowHeight), total: sections.total }
    }, [first, columns, rowHeight, sections.total]),
  )

  function onKey(event: KeyboardEvent) {
    if (event.altKey || event.metaKey) return
    const target = moved(event.key, active, count, columns, Math.floor(window.innerHeight / rowHeight), event.ctrlKey)
    if (target === null) return
    event.preventDefault()
    go(target)
  }

  return (
    <>
      <Retry what={t().gallery.list} error={range.error} hasOlder onRetry={range.retry} />
      {/* oxlint-disable-next-line jsx-a11y/interactive-supports-focus -- its tiles have the focus, one at a time */}
      <div
        ref={frame}
        className="image-grid"
        role="grid"
        aria-label={label}
        aria-rowcount={rows}
        aria-colcount={columns}
        style={{ height: Math.max(0, virtual.getTotalSize() - gap) }}
        onKeyDown={onKey}
        onFocus={({ target }) => {
          const index = Number(target.dataset['index'])
          setInside(true)
          if (Number.isInteger(index)) setActive(index - first)
        }}
        onBlur={({ relatedTarget }) => setInside(frame.current?.contains(relatedTarget) === true)}
      >
        {virtual.getVirtualItems().map(({ index: row, start: down }) => (
          <div
            key={row}
            className="image-row"
            role="row"
            aria-rowindex={row + 1}
            style={{ transform: `translateY(${down - virtual.options.scrollMargin}px)`, gap, gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
          >
            {Array.from({ length: Math.min(columns, count - row * columns) }, (_, column) => {
              const index = row * columns + column
              return (
                <div key={column} role="gridcell" aria-colindex={column + 1}>
                  <Tile
                    picture={range.at(first + index) ?? own.at(first + index)}
                    index={first + index}
                    layout={layout}
                    active={index === stop}
                    passing={fast}
                    onOpen={onOpen}
                  />
                </div>
              )
            })}
          </div>
        ))}
      </div>
    </>
  )
}

/** Whether rows pass by so fast that nobody sees their images. Those are not loaded. */
function useSpeed() {
  const [fast, setFast] = useState(false)
  const last = useRef({ at: 0, offset: 0 })
  const onChange = useCallback(({ scrollOffset, isScrolling }: Virtualizer<Window, Element>) => {
    const now = { at: performance.now(), offset: scrollOffset ?? 0 }
    const speed = Math.abs(now.offset - last.current.offset) / Math.max(1, now.at - last.current.at)
    last.current = now
    setFast(isScrolling && speed > FAST)
  }, [])
  return { fast, onChange }
}

function withRow(rows: number[], row: number): number[] {
  if (row < 0 || rows.includes(row)) return rows
  return [...rows, row].toSorted((one, other) => one - other)
}

/** Scrolls to where one was, as often as the layout changes until it is painted. */
function useStart(frame: { readonly current: HTMLElement | null }, start: Place | null, first: number, { columns, rowHeight }: Layout): void {
  const open = useRef(true)
  useEffect(() => {
    const painted = requestAnimationFrame(() => (open.current = false))
    return () => cancelAnimationFrame(painted)
  }, [])
  useLayoutEffect(() => {
    if (start === null || !open.current) return
    const row = Math.floor((start.index - first) / columns)
    if (row >= 0) window.scrollTo({ top: topOf(frame.current) + row * rowHeight + Math.min(start.offset, rowHeight - 1) })
  }, [frame, start, first, columns, rowHeight])
}

function topOf(element: HTMLElement | null): number {
  return element === null ? 0 : Math.round(element.getBoundingClientRect().top + window.scrollY)
}

/** How far down the page an element begins, whatever changes above it. */
function useTop(frame: { readonly current: HTMLElement | null }): number {
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    const look = () => {
      if (frame.current !== null) setTop(topOf(frame.current))
    }
    look()
    const observer = new ResizeObserver(look)
    observer.observe(document.body)
    return () => observer.disconnect()
  }, [frame])
  return top
}

/** The layout for the width of an element. */
export function useLayout(frame: { readonly current: HTMLElement | null }): Layout {
  const [width, setWidth] = useState(() => Math.min(window.innerWidth, 1240) - 40)
  useLayoutEffect(() => {
    const element = frame.current
    if (element === null) return undefined
    const look = () => setWidth(element.clientWidth || 1000)
    look()
    const observer = new ResizeObserver(look)
    observer.observe(element)
    return () => observer.disconnect()
  }, [frame])
  return layoutOf(width)
}
