/** An image that can be zoomed in and moved: with the wheel, the fingers, the keys or the buttons. */
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import { authorized, useToken } from '../api/access'
import { contentUrl, thumbnailUrl } from '../api/images'
import type { Picture } from '../api/types'
import { t } from '../text/language'
import { FITTED, panned, zoomed, type Point, type View } from './zoom'

interface Props {
  readonly picture: Picture
  readonly onSwipe: (way: 'left' | 'right') => void
}

const STEP = 1.5
const SWIPED = 60
const MOVE = 80
const WIDTH = 1280

export function ZoomedImage({ picture, onSwipe }: Props) {
  const frame = useRef<HTMLDivElement>(null)
  const [view, setView] = useState(FITTED)
  const zoom = (factor: number, at: Point = { x: 0, y: 0 }) => setView((old) => zoomed(old, factor, at, sizeOf(frame.current)))
  const pan = (by: Point) => setView((old) => panned(old, by, sizeOf(frame.current)))
  const pointers = usePointers(view, zoom, pan, onSwipe)

  useEffect(() => {
    const element = frame.current
    // React's own wheel listeners cannot keep the dialog from scrolling.
    function wheel(event: WheelEvent) {
      event.preventDefault()
      setView((old) => zoomed(old, event.deltaY < 0 ? 1.2 : 1 / 1.2, pointOf(event, element), sizeOf(element)))
    }
    element?.addEventListener('wheel', wheel, { passive: false })
    return () => element?.removeEventListener('wheel', wheel)
  }, [])

  function press(event: KeyboardEvent) {
    const step = { '+': STEP, '=': STEP, '-': 1 / STEP }[event.key]
    const way = { ArrowLeft: [MOVE, 0], ArrowRight: [-MOVE, 0], ArrowUp: [0, MOVE], ArrowDown: [0, -MOVE] }[event.key]
    if (step !== undefined) zoom(step)
    else if (event.key === '0') setView(FITTED)
    else if (way !== undefined && view.scale > 1) pan({ x: way[0] ?? 0, y: way[1] ?? 0 })
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  const { gallery } = t()
  const scale = `${Math.round(view.scale * 100)} %`
  return (
    <div className="zoom">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the keys and the buttons do the same */}
      <div
        ref={frame}
        className="lightbox-picture"
        role="group"
        aria-label={gallery.view}
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- its keys zoom and move
        tabIndex={0}
        data-zoomed={view.scale > 1}
        onKeyDown={press}
        onDoubleClick={(event) => (view.scale > 1 ? setView(FITTED) : zoom(2.5, pointOf(event, frame.current)))}
        {...pointers}
      >
        <Pixels picture={picture} view={view} />
      </div>
      <div className="zoom-buttons">
        <button type="button" aria-label={gallery.zoomOut} aria-disabled={view.scale === 1} onClick={() => zoom(1 / STEP)}>
          −
        </button>
        <button type="button" aria-label={gallery.zoomFit(scale)} aria-disabled={view.scale === 1} onClick={() => setView(FITTED)}>
          {scale}
        </button>
        <button type="button" aria-label={gallery.zoomIn} onClick={() => zoom(STEP)}>
          +
        </button>
      </div>
    </div>
  )
}

/** A large thumbnail, and the original once it is zoomed in, or if there is no thumbnail. */
function Pixels({ picture, view }: { picture: Picture; view: View }) {
  const token = useToken()
  const [original, setOriginal] = useState<'unwanted' | 'loading' | 'shown' | 'broken'>('unwanted')
  const [noThumbnail, setNoThumbnail] = useState(false)
  const wanted = noThumbnail || (view.scale > 1 && (picture.width ?? Infinity) > WIDTH) || original !== 'unwanted'
  const style = { transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }
  if (noThumbnail && original === 'broken') return <p className="lightbox-broken">{t().gallery.broken}</p>
  return (
    <>
      {!noThumbnail && original !== 'shown' && (
        <img
          src={authorized(thumbnailUrl(picture.driveId, WIDTH), token)}
          alt={picture.name.slice(0, 300)}
          width={picture.width ?? undefined}
          height={picture.height ?? undefined}
          style={style}
          draggable={false}
          onError={() => setNoThumbnail(true)}
        />
      )}
      {wanted && original !== 'broken' && (
        <img
          className={original === 'shown' ? undefined : 'lightbox-loading'}
          src={authorized(contentUrl(picture.driveId), token)}
          alt={picture.name.slice(0, 300)}
          style={style}
          draggable={false}
          onLoad={() => setOriginal('shown')}
          onError={() => setOriginal('broken')}
        />
      )}
    </>
  )
}

/** Two fingers zoom, one moves, and one that moves sideways goes on to the next image. */
function usePointers(view: View, zoom: (factor: number, at: Point) => void, pan: (by: Point) => void, onSwipe: Props['onSwipe']) {
  const down = useRef(new Map<number, Point>())
  const began = useRef<Point | null>(null)

  function onPointerDown(event: PointerEvent<HTMLElement>) {
    const at = pointOf(event, event.currentTarget)
    down.current.set(event.pointerId, at)
    began.current = down.current.size === 1 ? at : null
    event.currentTarget.setPointerCapture(event.pointerId)
  }

  function onPointerMove(event: PointerEvent<HTMLElement>) {
    const before = down.current.get(event.pointerId)
    if (before === undefined) return
    const at = pointOf(event, event.currentTarget)
    const other = [...down.current].find(([id]) => id !== event.pointerId)?.[1]
    down.current.set(event.pointerId, at)
    if (other === undefined) pan({ x: at.x - before.x, y: at.y - before.y })
    else zoom(distance(at, other) / Math.max(1, distance(before, other)), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 })
  }

  function onPointerUp(event: PointerEvent<HTMLElement>) {
    const start = began.current
    down.current.delete(event.pointerId)
    began.current = null
    if (start === null || view.scale > 1 || event.pointerType === 'mouse') return
    const way = pointOf(event, event.currentTarget).x - start.x
    if (Math.abs(way) > SWIPED) onSwipe(way < 0 ? 'left' : 'right')
  }

  return { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: onPointerUp }
}

function sizeOf(element: Element | null): Point {
  return { x: element?.clientWidth ?? 0, y: element?.clientHeight ?? 0 }
}

function distance(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y)
}

function pointOf(event: { clientX: number; clientY: number }, element: Element | null): Point {
  const box = element?.getBoundingClientRect()
  if (box === undefined) return { x: 0, y: 0 }
  return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 }
}
