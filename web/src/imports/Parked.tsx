/** Files that Google will not serve for up to a day. They are tried again without anybody's doing. */
import type { Import } from '../api/types'
import { counted, formatDuration } from '../text/format'
import { t } from '../text/language'
import { hasEnded } from '../text/states'
import { HandsOverFocus } from '../ui/HandsOverFocus'
import { Time } from '../ui/Time'
import { RetryButton } from './RetryButton'
import { useNow } from './useLiveRate'

export function Parked({ one }: { one: Import }) {
  if (one.parked === null) return null
  const { files, reason } = one.parked
  const words = t().report.parked
  return (
    <HandsOverFocus to="import-title">
      <section className="note parked" aria-labelledby="parked">
        <h3 id="parked">
          {words.title(counted(files, ...t().common.image))}
        </h3>
        <p>{words.why(files)}</p>
        {one.state !== 'cancelled' && (
          <>
            <p>
              <When one={one} files={files} />
            </p>
            <RetryButton
              importId={one.id}
              retry={{ selection: { reason }, failures: { [reason]: files } }}
              label={words.retryNow(files)}
              trying={false}
            />
          </>
        )}
      </section>
    </HandsOverFocus>
  )
}

function When({ one, files }: { one: Import; files: number }) {
  const now = useNow((one.parked?.after ?? null) !== null)
  const after = one.parked?.after ?? null
  const words = t().report.parked
  if (after === null) return hasEnded(one) ? words.early : `${words.afterEnd(files)} ${words.early}`
  // An import that is too old is not tried again automatically, so nothing is promised here.
  if (after.getTime() <= now) return words.over(files)
  return (
    <>
      {words.at(files)} <Time at={after} />, <b>{words.in(formatDuration((after.getTime() - now) / 1_000))}</b>. {words.early}
    </>
  )
}
