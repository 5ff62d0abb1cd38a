import { isUnreachable, sentence } from '../api/errors'
import { t } from '../text/language'

interface Props {
  readonly what: string
  readonly error: Error | null
  /** Whether an earlier response is still shown. */
  readonly hasOlder: boolean
  readonly onRetry: () => void
}

/** Says that a part of the page could not be loaded, and offers to try again. */
export function Retry({ what, error, hasOlder, onRetry }: Props) {
  // The connection banner already says so, and the earlier content is still visible.
  if (error === null || (isUnreachable(error) && hasOlder)) return null
  return (
    <div className="note note-bad" role="alert">
      <p>
        {t().common.retry.notLoaded(what, sentence(error))}
      </p>
      <button type="button" onClick={onRetry}>
        {t().common.retry.again}
      </button>
    </div>
  )
}
