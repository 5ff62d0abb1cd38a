import type { Waiting } from '../api/types'
import { t } from '../text/language'
import { Time } from '../ui/Time'
import { waitingFor } from './progress'

/** Why nothing moves, and until when. `Announcer` reads the same words to screen readers. */
export function WaitingLine({ waiting }: { waiting: Waiting }) {
  return (
    <p className="waiting">
      <b>
        {waiting.until === null ? (
          t().report.waiting
        ) : (
          <>
            {t().report.waitingUntil} <Time at={waiting.until} />
          </>
        )}
        :
      </b>{' '}
      {waitingFor(waiting)}
    </p>
  )
}
