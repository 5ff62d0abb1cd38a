import { CommandsButton } from '../commands/CommandsButton'
import { useRetry, type Retry } from '../mutations'
import { t } from '../text/language'
import { whyNot } from '../text/problems'
import { retryCommand } from './commands'
import { retriedSentence } from './retries'

interface Props {
  readonly importId: string
  readonly retry: Retry
  readonly label: string
  /** Told to screen readers after the label, where the label alone does not say what is meant. */
  readonly what?: string
  /** Whether it was accepted before and is not over. */
  readonly trying: boolean
}

/** A button that tries failures again, and what came of pressing it. `Announcer` reads a success out. */
export function RetryButton({ importId, retry, label, what, trying }: Props) {
  const mutation = useRetry(importId)
  const busy = trying || mutation.isPending
  const text = busy ? t().report.retry.trying : label
  const { data } = mutation
  return (
    <>
      <span className="act">
        <button
          type="button"
          aria-label={what === undefined ? undefined : `${text} ${what}`}
          aria-disabled={busy}
          onClick={({ detail }) => {
            // The second click of a double click would ask again for what is being tried already.
            if (!busy && detail <= 1) mutation.mutate(retry)
          }}
        >
          {text}
        </button>
        <CommandsButton
          what={what === undefined ? label : `${label} ${what}`}
          commands={() => [retryCommand(importId, label, retry.selection)]}
        />
      </span>
      {mutation.error !== null && (
        <p className="said said-bad" role="alert">
          {whyNot('retry', mutation.error)}
        </p>
      )}
      {!busy && data?.files === 0 && data.folders === 0 && <p className="said">{retriedSentence(data)}</p>}
    </>
  )
}
