/** A few images of a folder: as they look where Google has thumbnails of them, otherwise their names. */
import { useState } from 'react'
import type { Preview } from '../api/preview'
import { t } from '../text/language'

const SHOWN = 6
/** A name may have thousands of characters. */
const LONGEST = 300

export function PreviewImages({ preview }: { preview: Preview }) {
  const label = t().start.preview.some
  const [broken, setBroken] = useState<readonly string[]>([])
  const shown = preview.samples.filter(({ id, thumbnail }) => thumbnail !== null && !broken.includes(id)).slice(0, SHOWN)
  if (shown.length === 0) return <Names label={label} names={preview.names.slice(0, SHOWN)} />
  return (
    <ul className="preview-images" aria-label={label}>
      {shown.map(({ id, name, thumbnail }) => (
        <li key={id} title={name.slice(0, LONGEST)}>
          <img src={thumbnail ?? ''} alt={name.slice(0, LONGEST)} onError={() => setBroken([...broken, id])} />
          <bdi className="preview-caption" aria-hidden="true">
            {name.slice(0, LONGEST)}
          </bdi>
        </li>
      ))}
    </ul>
  )
}

function Names({ label, names }: { label: string; names: readonly string[] }) {
  return (
    <ul className="preview-names" aria-label={label}>
      {names.map((name, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- two images may have one name
        <li key={index} title={name.slice(0, LONGEST)}>
          <bdi>{name.slice(0, LONGEST)}</bdi>
        </li>
      ))}
    </ul>
  )
}

/** As tall as most previews, so that nothing moves when one arrives. */
export function PreviewLoading() {
  return (
    <div className="preview">
      <p className="preview-loading">{t().start.preview.loading}</p>
      <div className="preview-line" />
      <div className="preview-images">
        {Array.from({ length: SHOWN }, (_, place) => (
          <div key={place}>
            <div className="preview-blank" />
            <div className="preview-caption" />
          </div>
        ))}
      </div>
      <div className="preview-line preview-type-line" />
      <div className="preview-line preview-last-line" />
    </div>
  )
}
