import { useAuthorized } from '../api/access'
import { contentUrl, originalUrl } from '../api/images'
import type { Picture, PictureDetails } from '../api/types'
import { CommandsButton } from '../commands/CommandsButton'
import { HistoryButton } from '../imports/History'
import { formatBytes, formatCount } from '../text/format'
import { t } from '../text/language'
import { Time } from '../ui/Time'
import { imageCommands } from './commands'

interface Props {
  readonly importId: string | null
  readonly picture: Picture
  /** Undefined until they are loaded. */
  readonly details: PictureDetails | undefined
}

export function ImageFacts({ importId, picture, details }: Props) {
  const { gallery } = t()
  const { facts } = gallery
  const { width, height, contentType, mimeType } = picture
  const own = useAuthorized(contentUrl(picture.driveId))
  const original = originalUrl(picture)
  return (
    <div className="lightbox-side">
      <p className="lightbox-original">
        <span className="act">
          <a href={original === contentUrl(picture.driveId) ? own : original} target="_blank" rel="noreferrer">
            {gallery.original}
          </a>
          <CommandsButton what={gallery.original} commands={() => imageCommands(picture)} />
        </span>
        {importId !== null && <HistoryButton importId={importId} driveId={picture.driveId} name={picture.name} />}
      </p>
      <dl className="lightbox-facts">
        <dt>{facts.name}</dt>
        <dd className="lightbox-name">{picture.name}</dd>
        {details !== undefined && details.path !== '' && (
          <>
            <dt>{facts.folder}</dt>
            <dd className="lightbox-name">{details.path}</dd>
          </>
        )}
        <dt>{facts.type}</dt>
        <dd>{mimeType === contentType ? contentType : gallery.otherType(contentType, mimeType)}</dd>
        <dt>{facts.size}</dt>
        <dd>{picture.size === null ? gallery.unknown : gallery.bytes(formatBytes(picture.size), formatCount(picture.size))}</dd>
        <dt>{facts.dimensions}</dt>
        <dd>{width === null || height === null ? gallery.unknown : gallery.pixels(formatCount(width), formatCount(height))}</dd>
        {details !== undefined && details.modifiedAt !== null && (
          <>
            <dt>{facts.modified}</dt>
            <dd>
              <Time at={details.modifiedAt} />
            </dd>
          </>
        )}
        <dt>{facts.stored}</dt>
        <dd>
          <Time at={picture.createdAt} />
        </dd>
        <Code name={facts.driveId} value={picture.driveId} />
        <Code name="MD5" value={details?.md5} />
        <Code name="SHA-256" value={details?.sha256} />
        <Code name={facts.databaseId} value={picture.id} />
      </dl>
    </div>
  )
}

function Code({ name, value }: { name: string; value: string | null | undefined }) {
  if (value === null || value === undefined) return null
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
      </dd>
    </>
  )
}
