/** What a link leads to: the folder's name, how much it holds, and how long it will take. */
import type { Preview } from '../api/preview'
import { byCount, total } from '../imports/progress'
import { Commands } from '../commands/Commands'
import { counted, formatBytes, formatCount, formatDuration, formatType } from '../text/format'
import { t } from '../text/language'
import { PreviewImages } from './PreviewImages'
import { startCommands } from './commands'

export function PreviewCard({ preview, link, bulk }: { preview: Preview; link: string; bulk: boolean }) {
  const words = t().start.preview
  const images = counted(preview.images, ...t().common.image)
  const skipped = total(preview.skipped)
  return (
    <section className="preview" aria-labelledby="preview">
      <h2 id="preview">
        <bdi>{preview.name}</bdi>
      </h2>
      <p>
        <b>{preview.complete ? images : words.atLeast(images)}</b>
        {preview.images > 0 && <>, {formatBytes(preview.bytes)}</>}
        {preview.folders > 1 && <>, {counted(preview.folders, ...t().common.folder)}</>}
        {preview.seconds !== null && preview.images > 0 && <>. {words.takes(formatDuration(Math.max(1, preview.seconds)))}</>}
      </p>
      <PreviewImages preview={preview} />
      {preview.images === 0 && <p className="field-hint">{preview.complete ? words.none : words.noneYet}</p>}
      {preview.images > 0 && (
        <ul className="preview-names" aria-label={words.types}>
          {byCount(preview.types).map(([type, count]) => (
            <li key={type} className="preview-type">
              <b>{formatType(type)}</b> {formatCount(count)}
            </li>
          ))}
        </ul>
      )}
      {skipped > 0 && <p className="quiet">{words.skipped(skipped, formatCount(skipped))}</p>}
      {!preview.complete && <p className="quiet">{words.partly}</p>}
      <details>
        <summary>{t().report.actions.commands}</summary>
        <Commands commands={startCommands(link, bulk)} />
      </details>
    </section>
  )
}
