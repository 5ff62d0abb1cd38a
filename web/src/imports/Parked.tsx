/** Files that Google will not serve for up to a day. One click imports them afterwards. */
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
        {counted(files, 'picture', 'pictures')} cannot be downloaded yet
      </h3>
      <p>
        Too many people have downloaded {them} recently, so Google blocks further downloads for up to 24 hours. The other
        pictures are not affected.
      </p>
      <p>{isRunning(one) ? `When this import has finished, you can fetch ${them} from here.` : <When after={after} />}</p>
      {!isRunning(one) && link !== null && <Again link={link} />}
    </section>
  )
}

function When({ after }: { after: Date | null }) {
  const now = useNow(false)
  const rest = 'Pictures that are already stored are not downloaded again.'
  if (after === null) return <>Import the folder again tomorrow. {rest}</>
  if (after.getTime() <= now) return <>The 24 hours are over. Import the folder again. {rest}</>
  return (
    <>
      Import the folder again after <Time at={after} />, or try earlier: the block may end sooner. {rest}
    </>
  )
}

function Again({ link }: { link: string }) {
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
      <p aria-live="polite" className="parked-said">
        {start.error === null ? '' : `The import was not started. ${sentence(start.error)}`}
      </p>
    </>
  )
}
