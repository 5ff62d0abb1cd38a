/** What happened in the last hour: two charts, and the same as a table. */
import { lazy, Suspense } from 'react'
import { formatBytes, formatCount, formatMoment } from '../text/format'
import { t } from '../text/language'
import { Skeleton } from '../ui/Skeleton'
import { Time } from '../ui/Time'
import { WideTable } from '../ui/WideTable'
import { filesIn, hourOf } from './hour'
import type { System } from './system'

const Chart = lazy(() => import('./Chart').then(({ Chart: component }) => ({ default: component })))

export function HourCard({ system }: { system: System }) {
  const { hour: words } = t().flow
  const { minutes, points, sum, busiest } = hourOf(system)
  return (
    <section className="card flow-card" aria-labelledby="flow-hour">
      <h2 id="flow-hour">{words.title}</h2>
      {minutes.length === 0 ? (
        <p className="quiet">{words.none}</p>
      ) : (
        <>
          <p>
            {words.sum(formatCount(sum.files), formatBytes(sum.bytes), formatCount(sum.failed))}.{' '}
            {busiest !== null && words.most(formatCount(filesIn(busiest)), formatMoment(busiest.start))}
          </p>
          <Suspense fallback={<Skeleton label={words.loading} lines={6} />}>
            <Chart
              label={words.files}
              times={points.times}
              lines={[
                { name: words.copied, values: points.files, color: '--part-stored', isFilled: true },
                { name: words.failed, values: points.failed, color: '--part-failed', isFilled: false },
              ]}
            />
            <Chart
              label={words.megabytes}
              times={points.times}
              lines={[{ name: words.copiedColumn, values: points.megabytes, color: '--accent', isFilled: true }]}
            />
          </Suspense>
          <details className="numbers">
            <summary>{words.asTable}</summary>
            <WideTable
              label={words.title}
              head={[words.minute, words.found, words.stored, words.unchanged, words.failedColumn, words.copiedColumn]}
            >
              {minutes.toReversed().map((minute) => (
                <tr key={minute.start.getTime()}>
                  <th scope="row">
                    <Time at={minute.start} />
                  </th>
                  <td>{formatCount(minute.found)}</td>
                  <td>{formatCount(minute.stored)}</td>
                  <td>{formatCount(minute.unchanged)}</td>
                  <td>{formatCount(minute.failed)}</td>
                  <td>{formatBytes(minute.bytes)}</td>
                </tr>
              ))}
            </WideTable>
          </details>
        </>
      )}
    </section>
  )
}
