import { isUnreachable, sentence } from '../api/errors'

interface Props {
  readonly what: string
  readonly error: Error | null
  /** Whether an older answer is shown all the same. */
  readonly hasOlder: boolean
  readonly onRetry: () => void
}

/** A part of the page that could not be loaded, and the way to ask again; nothing without error. */
export function Retry({ what, error, hasOlder, onRetry }: Props) {
  // Of an API that is away the banner tells, and what was seen before still stands.
  if (error === null || (isUnreachable(error) && hasOlder)) return null
  return (
    <div className="note note-bad" role="alert">
      <p>
        {what} could not be loaded. {sentence(error)}
      </p>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  )
}
