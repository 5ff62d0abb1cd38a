/** The first images of an import as they come, in one row, and the way to all of them. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useAuthorized } from '../api/access'
import { fetchLatest } from '../api/images'
import { MOUNT } from '../api/http'
import { apiPath } from '../api/path'
import type { Import, Picture } from '../api/types'
import { useFollow } from '../queries'
import { formatCount, formatType } from '../text/format'
import { t } from '../text/language'
import { isRunning } from '../text/states'

/** As many as fit into a row on the widest screen. */
const SHOWN = 12
const EVERY_MS = 250
const WIDTH = 160

export function FirstImages({ one }: { one: Import }) {
  const stored = one.stored + one.unchanged
  const queryKey = ['first-images', one.id]
  const { data, isError } = useQuery({
    queryKey,
    queryFn: async ({ signal }) => (await fetchLatest(one.id, signal)).slice(0, SHOWN),
    enabled: stored > 0,
  })
  const images = data ?? []
  useFollow(queryKey, stored > 0 && images.length < SHOWN ? stored : null, EVERY_MS)
  if (stored === 0 && !isRunning(one)) return null
  // What could not be fetched is not awaited. The link below shows why.
  const awaited = !isError && (isRunning(one) || images.length < stored) ? SHOWN - images.length : 0
  return (
    <section className="first-images" aria-label={t().report.firstImages.label}>
      <ul>
        {images.map((image) => (
          <li key={image.driveId}>
            <Small importId={one.id} image={image} />
          </li>
        ))}
        {Array.from({ length: awaited }, (_, place) => (
          <li key={place} className="first-image-awaited" aria-hidden="true" />
        ))}
      </ul>
      {stored > 0 && (
        <Link to="/imports/$id/gallery" params={{ id: one.id }}>
          {t().report.firstImages.all(stored, formatCount(stored))}
        </Link>
      )}
    </section>
  )
}

function Small({ importId, image }: { importId: string; image: Picture }) {
  const path = apiPath('/images/{google_drive_id}/thumbnail', { google_drive_id: image.driveId }, { width: WIDTH })
  const source = useAuthorized(MOUNT + path)
  const [broken, setBroken] = useState<string | null>(null)
  return (
    <Link to="/imports/$id/gallery" params={{ id: importId }} search={{ image: image.driveId }} title={image.name.slice(0, 300)}>
      {broken === source ? (
        <span className="quiet">{formatType(image.mimeType)}</span>
      ) : (
        <img src={source} alt="" decoding="async" onError={() => setBroken(source)} />
      )}
      <span className="visually-hidden">{image.name.slice(0, 300)}</span>
    </Link>
  )
}
