import { memo, useEffect, useState } from 'react'
import { authorized, useToken } from '../api/access'
import { isBusy, thumbnailUrl, thumbnailUrls } from '../api/images'
import type { Picture } from '../api/types'
import { formatBytes, formatType } from '../text/format'
import { t } from '../text/language'
import { boxOf, type Layout } from './layout'

interface Props {
  /** Undefined while it is being loaded. */
  readonly picture: Picture | undefined
  readonly index: number
  readonly layout: Layout
  /** Whether Tab leads to it. */
  readonly active: boolean
  /** Whether it is only passing by. */
  readonly passing: boolean
  readonly onOpen: (driveId: string, index: number) => void
}

/** Memoised, because the grid renders again as it scrolls. */
export const Tile = memo(function Tile({ picture, index, layout, active, passing, onOpen }: Props) {
  const [drawn, setDrawn] = useState(false)
  if (!passing && !drawn && picture !== undefined) setDrawn(true)
  const hasCaption = layout.captionHeight > 0
  const name = shortened(picture?.name ?? '')
  return (
    <button
      type="button"
      className="tile"
      data-index={index}
      data-picture={picture?.driveId}
      tabIndex={active ? 0 : -1}
      aria-label={picture === undefined ? t().gallery.waiting : undefined}
      aria-disabled={picture === undefined}
      onClick={() => picture !== undefined && onOpen(picture.driveId, index)}
    >
      <span className="tile-frame" style={{ height: layout.pictureHeight }}>
        {picture !== undefined && drawn && <Thumbnail key={picture.driveId} picture={picture} layout={layout} />}
      </span>
      {/* What one sees is the label, so that who speaks to the page can say it. */}
      {hasCaption ? (
        <span className="tile-caption" style={{ height: layout.captionHeight }}>
          <span className="tile-name">{name}</span>
          <span className="tile-facts quiet">{picture !== undefined && factsOf(picture)}</span>
        </span>
      ) : (
        <span className="tile-name visually-hidden">{name}</span>
      )}
    </button>
  )
})

function factsOf({ contentType, size }: Picture): string {
  return size === null ? formatType(contentType) : `${formatType(contentType)} · ${formatBytes(size)}`
}

/** To lay out 5,000 characters that nobody sees takes long. */
function shortened(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}…` : name
}

const ATTEMPTS = 4
const AGAIN_MS = 2_000

interface ThumbnailProps {
  readonly picture: Picture
  readonly layout: Layout
  /** Whether the frame is filled, as squares on a phone are. The edges of the image are then cut off. */
  readonly fills?: boolean
}

/** Of the image's own proportion from the start, so that nothing moves when it arrives. */
export function Thumbnail({ picture, layout, fills = layout.captionHeight === 0 }: ThumbnailProps) {
  const token = useToken()
  const [state, setState] = useState<'loading' | 'shown' | 'failed' | 'broken'>('loading')
  const [attempt, setAttempt] = useState(1)
  const source = authorized(thumbnailUrl(picture.driveId, 320), token)
  useEffect(() => {
    if (state !== 'failed') return undefined
    let gone = false
    async function check() {
      const busy = await isBusy(source)
      if (gone) return
      setState(busy && attempt < ATTEMPTS ? 'loading' : 'broken')
      setAttempt(attempt + 1)
    }
    const timer = setTimeout(() => void check(), (attempt - 1) * AGAIN_MS)
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [state, attempt, source])
  if (state === 'broken') return <span className="tile-broken">{t().gallery.noPreview(formatType(picture.contentType))}</span>
  const box = fills ? null : boxOf(picture, layout)
  return (
    <span
      className={`tile-box ${state === 'shown' ? 'tile-shown' : ''} ${fills ? 'tile-fills' : ''}`}
      style={box ?? { width: '100%', height: '100%' }}
    >
      {state !== 'failed' && (
        <img
          // The button is already labelled with the name.
          alt=""
          sizes={`${Math.ceil(layout.tileWidth)}px`}
          srcSet={thumbnailUrls(picture.driveId, (url) => authorized(url, token))}
          src={source}
          decoding="async"
          draggable={false}
          onLoad={() => setState('shown')}
          onError={() => setState('failed')}
        />
      )}
    </span>
  )
}
