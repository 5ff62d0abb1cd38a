/** One picture, large, with everything known about it. */
import { useEffect, useRef, useState, type KeyboardEvent } from 'react'
import { useAuthorized } from '../api/access'
import { contentUrl, originalUrl } from '../api/client'
import type { Picture } from '../api/types'
import { HistoryButton } from '../imports/History'
import { formatBytes, formatCount } from '../text/format'
import { t } from '../text/language'
import { Time } from '../ui/Time'

interface Props {
  /** Null if it is not known of which import it is. */
  readonly importId: string | null
  readonly picture: Picture
  readonly before: string | undefined
  readonly after: string | undefined
  readonly onGo: (driveId: string) => void
  readonly onClose: () => void
}

export function Lightbox({ importId, picture, before, after, onGo, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    // The browser's modal dialog traps the focus, makes the rest inert and closes on Escape.
    if (dialog.current?.open === false) dialog.current.showModal()
  }, [])

  function go(event: KeyboardEvent) {
    const target = { ArrowLeft: before, ArrowRight: after }[event.key]
    if (target === undefined) return
    event.preventDefault()
    onGo(target)
  }

  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the arrow keys repeat what the buttons do
    <dialog ref={dialog} className="lightbox" aria-labelledby="lightbox-name" closedby="any" onClose={onClose} onKeyDown={go}>
      <div className="lightbox-bar">
        <Go label={t().gallery.previous} sign="‹" to={before} onGo={onGo} />
        <Go label={t().gallery.next} sign="›" to={after} onGo={onGo} />
        <h2 id="lightbox-name">{picture.name}</h2>
        <button type="button" aria-label={t().common.close} onClick={() => dialog.current?.close()}>
          ✕
        </button>
      </div>
      <Shown key={picture.driveId} importId={importId} picture={picture} />
    </dialog>
  )
}

interface GoProps {
  readonly label: string
  readonly sign: string
  readonly to: string | undefined
  readonly onGo: (driveId: string) => void
}

function Go({ label, sign, to, onGo }: GoProps) {
  return (
    <button type="button" aria-label={label} aria-disabled={to === undefined} onClick={() => to !== undefined && onGo(to)}>
      {sign}
    </button>
  )
}

function Shown({ importId, picture }: { importId: string | null; picture: Picture }) {
  const { gallery } = t()
  const { facts } = gallery
  const [pixels, setPixels] = useState<string | null>(null)
  const source = useAuthorized(contentUrl(picture.driveId))
  const [broken, setBroken] = useState<string | null>(null)
  return (
    <>
      <div className="lightbox-picture">
        {broken === source ? (
          <p>{gallery.broken}</p>
        ) : (
          <img
            src={source}
            alt={picture.name}
            onError={() => setBroken(source)}
            onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
              setPixels(gallery.pixels(formatCount(naturalWidth), formatCount(naturalHeight)))
            }
          />
        )}
      </div>
      <dl className="lightbox-facts">
        <dt>{facts.name}</dt>
        <dd className="lightbox-name">{picture.name}</dd>
        <dt>{facts.type}</dt>
        <dd>{picture.mimeType}</dd>
        <dt>{facts.size}</dt>
        <dd>{picture.size === null ? gallery.unknown : gallery.bytes(formatBytes(picture.size), formatCount(picture.size))}</dd>
        <dt>{facts.dimensions}</dt>
        <dd>{pixels ?? '–'}</dd>
        <dt>{facts.stored}</dt>
        <dd>
          <Time at={picture.createdAt} />
        </dd>
        <dt>{facts.driveId}</dt>
        <dd>
          <code>{picture.driveId}</code>
        </dd>
        <dt>{facts.url}</dt>
        <dd>
          <code>{picture.storagePath}</code>
        </dd>
        <dt>{facts.databaseId}</dt>
        <dd>
          <code>{picture.id}</code>
        </dd>
      </dl>
      <p className="lightbox-original">
        <a href={originalUrl(picture)} target="_blank" rel="noreferrer">
          {gallery.original}
        </a>
        {importId !== null && <HistoryButton importId={importId} driveId={picture.driveId} name={picture.name} />}
      </p>
    </>
  )
}
