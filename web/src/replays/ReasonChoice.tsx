import { useListedImports } from '../queries'
import { byCount } from '../imports/progress'
import { counted } from '../text/format'
import { t } from '../text/language'
import { heading } from '../text/reasons'
import { reasonsOf } from './choice'

interface Props {
  /** Ids of imports; all if it is empty. */
  readonly imports: readonly string[]
  readonly chosen: readonly string[]
  readonly onChange: (reasons: string[]) => void
}

/** Why the files of these imports failed, most frequent first. */
export function ReasonChoice({ imports, chosen, onChange }: Props) {
  const known = reasonsOf(useListedImports(imports))
  const others = chosen.filter((reason) => !known.has(reason)).map((reason) => [reason, 0] as const)
  const words = t().replays.form
  const all = [...byCount(Object.fromEntries(known)), ...others]
  if (all.length === 0) return null
  return (
    <fieldset>
      <legend>{words.why}</legend>
      <p className="quiet">{words.anyReason}</p>
      {all.map(([reason, count]) => (
        <label key={reason} className="choice">
          <input
            type="checkbox"
            checked={chosen.includes(reason)}
            onChange={({ target }) => onChange(target.checked ? [...chosen, reason] : chosen.filter((other) => other !== reason))}
          />
          <span>
            {heading(reason)} {count > 0 && <span className="quiet">{counted(count, ...t().common.file)}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  )
}
