import { formatBytes } from '../text/format'
import { t } from '../text/language'
import { InEnglish } from '../ui/InEnglish'
import { useRates } from '../queries'
import type { System } from './system'
import { rateWords, wordFor } from './words'

/** What limits the speed now, in a sentence, and how fast it goes. */
export function LimitCard({ limit }: Pick<System, 'limit'>) {
  const { flow } = t()
  // The API's own sentence has figures, but it is English.
  const details = Object.hasOwn(flow.limitDetails, limit.reason) ? flow.limitDetails[limit.reason] : undefined
  return (
    <section className="card flow-card limit" data-limit={limit.reason} aria-labelledby="flow-limit">
      <h2 id="flow-limit">{flow.limitTitle}</h2>
      <p className="limit-reason" aria-live="polite">{wordFor(flow.limits, limit.reason)}</p>
      {limit.reason !== 'nothing_to_do' && (
        <p className="quiet">{details === undefined ? <InEnglish text={limit.message} /> : details}</p>
      )}
      <Rates />
    </section>
  )
}

function Rates() {
  const rates = useRates(null)
  const { flow } = t()
  if (rates === null) return <p className="note">{flow.silent}</p>
  return (
    <dl className="facts">
      <Fact name={flow.found} value={rateWords(rates.found)} />
      <Fact name={flow.stored} value={rateWords(rates.stored)} />
      <Fact name={flow.failed} value={rateWords(rates.failed)} />
      <Fact name={flow.bytes} value={flow.perSecond(formatBytes(rates.bytes))} />
    </dl>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
