import { useEffect, useState } from 'react'
import { serverTime } from '../api/clock'
import { useLiveStatus } from '../live/Live'
import { formatDuration } from '../text/format'
import { t } from '../text/language'
import { Time } from '../ui/Time'

const LOOK_MS = 1_000
/** Younger than that, it is of now. */
const OLD_MS = 15_000

interface Props {
  /** When it came, in milliseconds by this computer's clock. */
  readonly at: number
  readonly isFetching: boolean
  readonly onRefresh: () => void
}

/** When what is shown was true. It says so once that is long ago, or nothing new can come. */
export function Age({ at, isFetching, onRefresh }: Props) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), LOOK_MS)
    return () => clearInterval(timer)
  }, [])
  const { flow } = t()
  const { error } = useLiveStatus()
  const isOld = error !== null || now - at > OLD_MS
  return (
    <p className="age">
      <span className={isOld ? 'age-old' : 'quiet'}>
        {flow.asOf} <Time at={new Date(serverTime(at))} precise />
        {isOld && <>. {flow.old(formatDuration(Math.max(0, now - at) / 1000))}</>}
      </span>
      <button type="button" className="small" aria-disabled={isFetching} onClick={onRefresh}>
        {flow.refresh}
      </button>
    </p>
  )
}
