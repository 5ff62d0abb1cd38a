import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { startImport } from '../api/client'
import { sentence } from '../api/errors'
import { selectImport } from '../location'
import { newKey } from './idempotencyKey'

/** Starts a new import of the same folder, and shows it. */
export function ImportAgain({ link }: { link: string }) {
  const client = useQueryClient()
  // One key for this button, so that a double click or a lost response does not start a second import.
  const key = useRef<string | null>(null)
  const start = useMutation({
    mutationFn: () => startImport(link, (key.current ??= newKey())),
    onSuccess: ({ jobId }) => {
      selectImport(jobId)
      void client.invalidateQueries({ queryKey: ['imports'] })
    },
  })
  return (
    <>
      <button type="button" aria-disabled={start.isPending} onClick={() => !start.isPending && start.mutate()}>
        {start.isPending ? 'Starting…' : 'Import the folder again'}
      </button>
      <p className="said said-bad" aria-live="polite">
        {start.error !== null && `The import was not started. ${sentence(start.error)}`}
      </p>
    </>
  )
}
