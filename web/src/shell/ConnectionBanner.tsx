import { serverTime } from '../api/clock'
import { isUnreachable, sentence } from '../api/errors'
import { useLiveStatus } from '../live/Live'
import { t } from '../text/language'
import { Time } from '../ui/Time'

/** Shown while nothing new arrives: what is on the page may be out of date. */
export function ConnectionBanner() {
  const { error, heardAt } = useLiveStatus()
  const { connection } = t().common
  return (
    <div className="connection" role="status">
      {error !== null && (
        <div className="banner">
          <strong>{isUnreachable(error) ? connection.lost : connection.noEvents(sentence(error))}</strong>{' '}
          {heardAt > 0 && (
            <>
              {connection.seenAt} <Time at={new Date(serverTime(heardAt))} precise />.{' '}
            </>
          )}
          {connection.goesOn}
        </div>
      )}
    </div>
  )
}
