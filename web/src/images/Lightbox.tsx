/** One image, large, with everything known about it. Previous and next go through the whole list. */
import { useEffect, useRef, type KeyboardEvent } from 'react'
import { authorized, useToken } from '../api/access'
import { thumbnailUrl } from '../api/images'
import { isNotFound } from '../api/errors'
import type { Picture } from '../api/types'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { Dialog } from '../ui/Dialog'
import { Retry } from '../ui/Retry'
import { ImageFacts } from './ImageFacts'
import { usePicture, useRange, type Sections } from './useImages'
import { ZoomedImage } from './ZoomedImage'

interface Props {
  /** Null if it is not known of which import it is. */
  readonly importId: string | null
  readonly driveId: string
  readonly sections: Sections
  /** Its place in the list. Null if it is not in it, undefined while that is being looked up. */
  readonly index: number | null | undefined
  readonly onGo: (driveId: string, index: number) => void
  readonly onClose: () => void
}

export function Lightbox({ importId, driveId, sections, index, onGo, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const place = index ?? 0
  const { at } = useRange(sections, Math.max(0, place - 1), place + 1)
  const known = typeof index === 'number'
  const before = known && index > 0 ? at(index - 1) : undefined
  const after = known ? at(index + 1) : undefined
  usePreloaded(before, after)
  const query = usePicture(driveId)
  const picture = query.data ?? (known ? at(index) : undefined)
  const { gallery, common } = t()

  function go(way: number) {
    const target = way < 0 ? before : after
    if (target !== undefined) onGo(target.driveId, place + way)
  }

  function press(event: KeyboardEvent) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (way === undefined || event.ctrlKey || event.altKey || event.metaKey) return
    event.preventDefault()
    go(way)
  }

  return (
    <Dialog ref={dialog} className="lightbox" labelledBy="lightbox-name" onClose={onClose}>
      {/* oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- the arrow keys repeat what the buttons do */}
      <div className="no-box" onKeyDown={press}>
        <div className="lightbox-bar">
          <Go label={gallery.previous} sign="‹" possible={before !== undefined} onGo={() => go(-1)} />
          <Go label={gallery.next} sign="›" possible={after !== undefined} onGo={() => go(1)} />
          <h2 id="lightbox-name">
            <bdi>{picture?.name.slice(0, 300) ?? gallery.waiting}</bdi>
          </h2>
          {known && (
            <span className="quiet lightbox-place" aria-live="polite">
              {gallery.place(formatCount(index + 1), formatCount(sections.total))}
            </span>
          )}
          <button type="button" aria-label={common.close} onClick={() => dialog.current?.close()}>
            ✕
          </button>
        </div>
        {isNotFound(query.error) ? (
          <p className="note lightbox-note">{gallery.gone}</p>
        ) : (
          <Retry what={gallery.one} error={query.error} hasOlder={false} onRetry={() => void query.refetch()} />
        )}
        {picture === undefined ? (
          <div className="lightbox-picture" />
        ) : (
          <>
            <ZoomedImage key={driveId} picture={picture} onSwipe={(way) => go(way === 'left' ? 1 : -1)} />
            <ImageFacts importId={importId} picture={picture} details={query.data} />
          </>
        )}
      </div>
    </Dialog>
  )
}

interface GoProps {
  readonly label: string
  readonly sign: string
  readonly possible: boolean
  readonly onGo: () => void
}

function Go({ label, sign, possible, onGo }: GoProps) {
  return (
    <button type="button" aria-label={label} aria-disabled={!possible} onClick={onGo}>
      {sign}
    </button>
  )
}

/** So that the next one is there at once. */
function usePreloaded(...pictures: readonly (Picture | undefined)[]): void {
  const token = useToken()
  const urls = pictures.flatMap((one) => (one === undefined ? [] : [authorized(thumbnailUrl(one.driveId, 1280), token)])).join(' ')
  useEffect(() => {
    for (const url of urls.split(' ').filter((one) => one !== '')) new Image().src = url
  }, [urls])
}
