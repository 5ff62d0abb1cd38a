import { isUnreachable, sentence } from './api/errors'
import { Time } from './ui/Time'

interface Props {
  readonly error: Error | null
  /** When the last response arrived, in milliseconds; 0 if there was none. */
  readonly seenAt: number
}

/** Shown while the imports cannot be fetched. */
export function ConnectionBanner({ error, seenAt }: Props) {
  return (
    <div className="connection" role="status">
      {error !== null && (
        <div className="banner">
          <strong>{isUnreachable(error) ? 'The API is not responding.' : sentence(error)}</strong>{' '}
          {seenAt > 0 && (
            <>
              This page was last updated at <Time at={new Date(seenAt)} precise />.{' '}
            </>
          )}
          Imports continue in the background. Retrying every few seconds.
        </div>
      )}
    </div>
  )
}
