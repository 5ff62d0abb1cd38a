/** How fast everything moves now. */
import { useRates } from '../queries'
import { formatBytes, formatRate } from '../text/format'
import { t } from '../text/language'
import { PageTitle } from '../ui/PageTitle'

export function FlowPage() {
  const rates = useRates(null)
  const { flow } = t()
  return (
    <>
      <PageTitle>{flow.title}</PageTitle>
      {rates === null ? (
        <p className="note">{flow.silent}</p>
      ) : (
        <dl className="card facts">
          <Fact name={flow.found} value={flow.perSecond(formatRate(rates.found))} />
          <Fact name={flow.stored} value={flow.perSecond(formatRate(rates.stored))} />
          <Fact name={flow.failed} value={flow.perSecond(formatRate(rates.failed))} />
          <Fact name={flow.bytes} value={flow.perSecond(formatBytes(rates.bytes))} />
        </dl>
      )}
      <p>
        {flow.whole} <a href="/api/system">GET /system</a>
      </p>
    </>
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
