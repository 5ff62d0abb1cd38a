import type { Waiting } from '../api/types'
import { Time } from '../ui/Time'
import { waitingFor } from './progress'

/** Why nothing moves, and until when. `Announcer` reads the same words to screen readers. */
export function WaitingLine({ waiting }: { waiting: Waiting }) {
  return (
    <p className="waiting">
      <b>
        Waiting
        {waiting.until !== null && (
          <>
            {' until '}
            <Time at={waiting.until} />
          </>
        )}
        :
      </b>{' '}
      {waitingFor(waiting)}
    </p>
  )
}
