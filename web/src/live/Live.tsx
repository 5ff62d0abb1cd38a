/** Opens the tab's event stream for what is shown, and puts what it tells into the cache of queries. */
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect, useSyncExternalStore } from 'react'
import { onAccess } from '../api/access'
import { apiPath } from '../api/path'
import { applyFrame } from './apply'
import { Connection, type Status } from './connection'
import type { Frame } from './frames'

/** There is one in each tab. */
const connection = new Connection()

export function useLiveStatus(): Status {
  return useSyncExternalStore(connection.subscribe, connection.getStatus)
}

/** Watches one import, or all of them if `importId` is null. To be called once, by the page's frame. */
export function useLive(importId: string | null): void {
  const client = useQueryClient()
  useEffect(() => {
    connection.open({
      path: importId === null ? apiPath('/events') : apiPath('/imports/{import_id}/events', { import_id: importId }),
      onFrame: (frame) => tell(client, importId, frame),
    })
    return () => connection.close()
  }, [client, importId])
  useEffect(() => {
    const forget = onAccess(connection.wake)
    window.addEventListener('online', connection.wake)
    window.addEventListener('offline', connection.test)
    document.addEventListener('visibilitychange', connection.wake)
    return () => {
      forget()
      window.removeEventListener('online', connection.wake)
      window.removeEventListener('offline', connection.test)
      document.removeEventListener('visibilitychange', connection.wake)
    }
  }, [])
}

/** A snapshot comes first, and after every gap. So what the stream does not carry is fetched again then. */
function tell(client: QueryClient, importId: string | null, frame: Frame): void {
  applyFrame(client, importId, frame)
  if (frame.event !== 'snapshot') return
  const again = connection.status.heardAt > 0 && connection.status.state !== 'live'
  void client.invalidateQueries({
    predicate: ({ state, meta }) => {
      const failed = state.status === 'error'
      // What is kept as it is, so that nothing moves, is fetched again only if it never came.
      return meta?.['keep'] === true ? failed && state.data === undefined : again || failed
    },
  })
}
