import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useRef } from 'react'
import { startImport } from '../api/client'
import { sentence } from '../api/errors'
import { CommandsButton } from '../commands/CommandsButton'
import { startCommand } from '../start/commands'
import { newKey } from '../start/idempotencyKey'
import { t } from '../text/language'

/** Starts a new import of the same folder with the same priority, and shows it. */
export function ImportAgain({ link, bulk }: { link: string; bulk: boolean }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  // One key for this button, so that a double click or a lost response does not start a second import.
  const key = useRef<string | null>(null)
  const start = useMutation({
    mutationFn: () => startImport(link, (key.current ??= newKey()), bulk),
    onSuccess: ({ jobId }) => {
      void navigate({ to: '/imports/$id', params: { id: jobId } })
      void client.invalidateQueries({ queryKey: ['imports'] })
    },
  })
  const words = t().report.actions
  return (
    <>
      <span className="act">
        <button type="button" aria-disabled={start.isPending} onClick={() => !start.isPending && start.mutate()}>
          {start.isPending ? words.starting : words.again}
        </button>
        <CommandsButton what={words.again} commands={() => [startCommand(link, bulk, words.again)]} />
      </span>
      <p className="said said-bad" aria-live="polite">
        {start.error !== null && words.notStarted(sentence(start.error))}
      </p>
    </>
  )
}
