/** One picture, large, with everything known about it. */
import { useEffect, useRef, useState, type KeyboardEvent } from 'react'
import { useAuthorized } from '../api/access'
import { contentUrl, originalUrl } from '../api/client'
import type { Picture } from '../api/types'
import { HistoryButton } from '../imports/History'
import { formatBytes, formatCount } from '../text/format'
import { Time } from '../ui/Time'

interface Props {
  readonly importId: string
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
        <Go label="Previous image" sign="‹" to={before} onGo={onGo} />
        <Go label="Next image" sign="›" to={after} onGo={onGo} />
        <h2 id="lightbox-name">{picture.name}</h2>
        <button type="button" aria-label="Close" onClick={() => dialog.current?.close()}>
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

function Shown({ importId, picture }: { importId: string; picture: Picture }) {
  const [pixels, setPixels] = useState<string | null>(null)
  const source = useAuthorized(contentUrl(picture.driveId))
  const [broken, setBroken] = useState<string | null>(null)
  return (
    <>
      <div className="lightbox-picture">
        {broken === source ? (
          <p>This browser cannot display the image. Try opening the original.</p>
        ) : (
          <img
            src={source}
            alt={picture.name}
            onError={() => setBroken(source)}
            onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
              setPixels(`${formatCount(naturalWidth)} × ${formatCount(naturalHeight)} pixels`)
            }
          />
        )}
      </div>
      <dl className="lightbox-facts">
        <dt>Name</dt>
        <dd className="lightbox-name">{picture.name}</dd>
        <dt>Type</dt>
        <dd>{picture.mimeType}</dd>
        <dt>Size</dt>
        <dd>{picture.size === null ? 'unknown' : `${formatBytes(picture.size)} (${formatCount(picture.size)} bytes)`}</dd>
        <dt>Dimensions</dt>
        <dd>{pixels ?? '–'}</dd>
        <dt>Stored</dt>
        <dd>
          <Time at={picture.createdAt} />
        </dd>
        <dt>Drive ID</dt>
        <dd>
          <code>{picture.driveId}</code>
        </dd>
        <dt>URL</dt>
        <dd>
          <code>{picture.storagePath}</code>
        </dd>
        <dt>Database ID</dt>
        <dd>
          <code>{picture.id}</code>
        </dd>
      </dl>
      <p className="lightbox-original">
        <a href={originalUrl(picture)} target="_blank" rel="noreferrer">
          Open the original
        </a>
        <HistoryButton importId={importId} driveId={picture.driveId} name={picture.name} />
      </p>
    </>
  )
}
