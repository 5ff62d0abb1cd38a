import { sentence } from '../api/errors'

interface Props {
  readonly what: string
  readonly error: Error
  readonly onRetry: () => void
}

/** A part of the page that could not be loaded, and the way to ask again. */
export function Retry({ what, error, onRetry }: Props) {
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
