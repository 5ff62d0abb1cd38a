import type { Import } from '../api/types'
import { counted, formatCount } from '../text/format'
import { t } from '../text/language'
import { importName } from '../text/names'
import { Time } from '../ui/Time'

interface Props {
  /** The newest imports. */
  readonly known: readonly Import[]
  /** Ids, some of which may be of older imports or of replays. */
  readonly chosen: readonly string[]
  readonly onChange: (ids: string[]) => void
}

export function ImportChoice({ known, chosen, onChange }: Props) {
  const others = chosen.filter((id) => !known.some((one) => one.id === id))
  const words = t().replays.form

  function toggle(id: string, on: boolean) {
    onChange(on ? [...chosen, id] : chosen.filter((other) => other !== id))
  }

  if (known.length + others.length === 0) return <p className="quiet">{words.noImports}</p>
  return (
    <ul className="import-choice" aria-label={words.which}>
      {others.map((id) => (
        <li key={id}>
          <label className="choice">
            <input type="checkbox" checked onChange={() => toggle(id, false)} />
            <code>{id}</code>
          </label>
        </li>
      ))}
      {known.map((one) => (
        <li key={one.id}>
          <label className="choice">
            <input type="checkbox" checked={chosen.includes(one.id)} onChange={(event) => toggle(one.id, event.target.checked)} />
            <span>
              <bdi className="import-choice-name">{importName(one)}</bdi>{' '}
              <span className="quiet">
                {counted(one.found, ...t().common.image)}
                {one.failed > 0 && `, ${t().start.summary.failed(formatCount(one.failed))}`}
                {one.requestedAt !== null && (
                  <>
                    , <Time at={one.requestedAt} />
                  </>
                )}
              </span>
            </span>
          </label>
        </li>
      ))}
    </ul>
  )
}
