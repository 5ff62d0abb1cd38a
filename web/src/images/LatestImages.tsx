/** A row of the newest images of an import, as they come, and the way to all of them. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useRef } from 'react'
import { fetchLatest } from '../api/images'
import type { Import } from '../api/types'
import { useFollow } from '../queries'
import { counted } from '../text/format'
import { t } from '../text/language'
import { isRunning } from '../text/states'
import { Retry } from '../ui/Retry'
import { Waiting } from './Gallery'
import { useLayout } from './ImageGrid'
import { Thumbnail } from './Tile'

const EVERY_MS = 2_000
/** The first ones are shown as soon as an event tells of them. */
const FIRST_MS = 250

export function LatestImages({ one }: { one: Import }) {
  const stored = one.stored + one.unchanged
  const queryKey = ['latest-images', one.id]
  const query = useQuery({ queryKey, queryFn: ({ signal }) => fetchLatest(one.id, signal) })
  const frame = useRef<HTMLDivElement>(null)
  const layout = useLayout(frame)
  const pictures = query.data ?? []
  useFollow(queryKey, stored, pictures.length === 0 ? FIRST_MS : EVERY_MS)
  const { gallery, common } = t()
  const waits = query.error === null && (query.isPending || isRunning(one) || stored > 0)
  return (
    <section className="gallery" aria-labelledby="pictures">
      <div className="gallery-head">
        <h2 id="pictures">{gallery.title}</h2>
        {pictures.length > 0 && (
          <Link to="/imports/$id/gallery" params={{ id: one.id }}>
            {gallery.showAll(counted(Math.max(stored, pictures.length), ...common.image))}
          </Link>
        )}
      </div>
      <Retry what={gallery.list} error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      {pictures.length === 0 && waits && <Waiting />}
      {pictures.length === 0 && !waits && query.error === null && (
        <p className="note">{gallery.noneStored}</p>
      )}
      <div ref={frame}>
        <ul className="image-row latest" style={{ gap: layout.gap, gridTemplateColumns: `repeat(${layout.columns}, minmax(0, 1fr))` }}>
          {pictures.slice(0, layout.columns).map((picture) => (
            <li key={picture.driveId}>
              <Link
                className="tile"
                to="/imports/$id/gallery"
                params={{ id: one.id }}
                search={{ image: picture.driveId }}
                state={{ openedHere: true }}
                aria-label={picture.name}
              >
                <span className="tile-frame" style={{ height: layout.pictureHeight }}>
                  <Thumbnail picture={picture} layout={layout} fills />
                </span>
              </Link>
            </li>
          ))}
        </ul>
      </div>
    </section>
  )
}
