import { Meter } from '@base-ui/react/meter'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import type { QuotaPart, System } from './system'
import { wordFor } from './words'

/** Google's quota: used and allowed, by kind of work. */
export function QuotaCard({ quota }: Pick<System, 'quota'>) {
  const { quota: words } = t().flow
  const unit = quota.unit === 'requests' ? words.requests : words.units
  const used = formatCount(quota.used)
  return (
    <section className="card flow-card" aria-labelledby="flow-quota">
      <h2 id="flow-quota">{words.title}</h2>
      <p>{quota.limit === null ? words.none(used, unit) : words.used(used, formatCount(quota.limit), unit)}</p>
      <ul className="quota">
        {quota.parts.map((part) => (
          <li key={part.work}>
            <Part part={part} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Part({ part: { work, used, allowed, limit, waiting } }: { part: QuotaPart }) {
  const { quota: words } = t().flow
  const name = wordFor(words.work, work)
  const most = allowed ?? 0
  return (
    <>
      <span className="quota-head">
        <b>{name}</b>
        <span>{allowed === null ? words.noLimit(formatCount(used)) : words.part(formatCount(used), formatCount(allowed))}</span>
      </span>
      {allowed !== null && (
        <Meter.Root value={Math.min(used, most)} min={0} max={Math.max(most, 1)} aria-label={name}>
          <Meter.Track className="meter">
            <Meter.Indicator className={`meter-used ${used >= most * 0.9 && most > 0 ? 'meter-full' : ''}`} />
          </Meter.Track>
        </Meter.Root>
      )}
      {allowed !== null && limit !== null && allowed < limit && <span className="quiet">{words.less(formatCount(limit))}</span>}
      {waiting > 0 && <span className="quiet">{words.waiting(formatCount(waiting))}</span>}
    </>
  )
}
