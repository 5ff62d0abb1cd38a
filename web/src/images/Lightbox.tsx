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
  readonly onGo: (driveId: string) => void
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

  function press(event: KeyboardEvent) {
    const target = { ArrowLeft: before, ArrowRight: after }[event.key]
    if (target === undefined || event.ctrlKey || event.altKey || event.metaKey) return
    event.preventDefault()
    onGo(target.driveId)
  }

  return (
    <Dialog ref={dialog} className="lightbox" labelledBy="lightbox-name" onClose={onClose}>
      {/* oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- the arrow keys repeat what the buttons do */}
      <div className="no-box" onKeyDown={press}>
        <div className="lightbox-bar">
          <Go label={gallery.previous} sign="‹" to={before} onGo={onGo} />
          <Go label={gallery.next} sign="›" to={after} onGo={onGo} />
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
            <ZoomedImage key={driveId} picture={picture} onSwipe={(way) => swipe(way === 'left' ? after : before, onGo)} />
            <ImageFacts importId={importId} picture={picture} details={query.data} />
          </>
        )}
      </div>
    </Dialog>
  )
}

function swipe(to: Picture | undefined, onGo: (driveId: string) => void): void {
  if (to !== undefined) onGo(to.driveId)
}

interface GoProps {
  readonly label: string
  readonly sign: string
  readonly to: Picture | undefined
  readonly onGo: (driveId: string) => void
}

function Go({ label, sign, to, onGo }: GoProps) {
  return (
    <button type="button" aria-label={label} aria-disabled={to === undefined} onClick={() => swipe(to, onGo)}>
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
