import { memo, useState } from 'react'
import { useAuthorized } from '../api/access'
import { contentUrl } from '../api/client'
import type { Picture } from '../api/types'
import { formatBytes, formatType } from '../text/format'
import { Time } from '../ui/Time'

interface Props {
  readonly picture: Picture
  readonly onOpen: (driveId: string) => void
}

/** Memoised, because the grid renders again every two seconds while an import runs. */
export const Tile = memo(function Tile({ picture, onOpen }: Props) {
  const source = useAuthorized(contentUrl(picture.driveId))
  const [broken, setBroken] = useState<string | null>(null)
  return (
    <button type="button" className="tile" data-picture={picture.driveId} onClick={() => onOpen(picture.driveId)}>
      {broken === source ? (
        <span className="tile-picture tile-broken">No preview of this {formatType(picture.mimeType)} file</span>
      ) : (
        <img
          className="tile-picture"
          src={source}
          // The name is in the text below, which already labels the button.
          alt=""
          loading="lazy"
          decoding="async"
          onError={() => setBroken(source)}
        />
      )}
      <span className="tile-name" title={picture.name}>
        {picture.name}
      </span>
      <span className="tile-facts quiet">
        {formatType(picture.mimeType)}
        {picture.size !== null && ` · ${formatBytes(picture.size)}`}
        <br />
        <Time at={picture.createdAt} />
      </span>
    </button>
  )
})
