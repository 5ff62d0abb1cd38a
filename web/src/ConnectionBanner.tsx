import { isUnreachable, sentence } from './api/errors'
import { Time } from './ui/Time'

interface Props {
  readonly error: Error | null
  /** Milliseconds of the last good answer; 0 when there was none. */
  readonly seenAt: number
}

/** Stands while the imports cannot be asked for, and goes by itself when they can. */
export function ConnectionBanner({ error, seenAt }: Props) {
  return (
    <div className="connection" role="status">
      {error !== null && (
        <div className="banner">
          <strong>{isUnreachable(error) ? 'The API does not answer.' : sentence(error)}</strong>{' '}
          {seenAt > 0 && (
            <>
              What you see is from <Time at={new Date(seenAt)} precise />.{' '}
            </>
          )}
          Imports go on without this page; it asks again every few seconds.
        </div>
      )}
    </div>
  )
}
