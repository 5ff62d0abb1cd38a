/** Files that Google withholds for a day: nothing went wrong here, and fetching them is one click. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { startImport } from '../api/client'
import { sentence } from '../api/errors'
import type { Import } from '../api/types'
import { selectImport } from '../location'
import { counted } from '../text/format'
import { isRunning } from '../text/states'
import { Time } from '../ui/Time'
import { newKey } from './idempotencyKey'
import { useNow } from './useLiveRate'

export function Parked({ one }: { one: Import }) {
  if (one.parked === null) return null
  const { files, after } = one.parked
  const them = files === 1 ? 'it' : 'them'
  const link = one.folderUrl ?? one.folderId
  return (
    <section className="note parked" aria-labelledby="parked">
      <h3 id="parked">
        {counted(files, 'picture is', 'pictures are')} parked until Google releases {them}
      </h3>
      <p>
        Too many people fetched {them} lately, so Google withholds {them} from everybody, for a day at most. All others
        go on without {them}.
      </p>
      <p>{isRunning(one) ? 'Once this import is over, you can fetch them from here.' : <Worth after={after} />}</p>
      {!isRunning(one) && link !== null && <Again link={link} />}
    </section>
  )
}

function Worth({ after }: { after: Date | null }) {
  const now = useNow(false)
  const rest = 'What is stored already is not fetched twice.'
  if (after === null) return <>Import the folder again tomorrow. {rest}</>
  if (after.getTime() <= now) return <>That day is over: import the folder again. {rest}</>
  return (
    <>
      Import the folder again after <Time at={after} />, or earlier to see which it has released by then. {rest}
    </>
  )
}

function Again({ link }: { link: string }) {
  const client = useQueryClient()
  // One key for this button: a second click, or one after an answer that was lost, starts nothing twice.
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
      <p aria-live="polite" className="parked-said">
        {start.error === null ? '' : `It was not started. ${sentence(start.error)}`}
      </p>
    </>
  )
}
