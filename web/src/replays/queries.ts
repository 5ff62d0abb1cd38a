/** Replays on the server. The event stream keeps their counts up to date. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { isNotFound } from '../api/errors'
import {
  changeRate,
  controlReplay,
  fetchReplay,
  fetchReplays,
  FIRST_REPLAYS_PATH,
  type Replay,
  type ReplayControl,
  type ReplayReport,
} from '../api/replays'
import type { Page } from '../api/types'
import { latest } from '../live/latest'
import { useFollow } from '../queries'

/** The least time between two looks at how far each partition is. */
const PARTS_EVERY_MS = 2_000

/** The newest replays, newest first. */
export function useReplays() {
  return useQuery({
    queryKey: ['replays'],
    queryFn: async ({ signal }) => {
      const mark = latest.mark()
      const page = await fetchReplays(FIRST_REPLAYS_PATH, signal)
      return { ...page, items: page.items.map((one) => latest.newer(one, mark)) }
    },
  })
}

/** Older ones, starting with the page at `path`. Fetched once, and not while `path` is null. */
export function useOlderReplays(path: string | null) {
  return useInfiniteQuery({
    queryKey: ['older-replays', path],
    queryFn: ({ pageParam, signal }) => fetchReplays(pageParam, signal),
    initialPageParam: path ?? FIRST_REPLAYS_PATH,
    getNextPageParam: (page: Page<Replay>) => page.next,
    enabled: path !== null,
    staleTime: Infinity,
  })
}

/** One replay, with how far each partition of the log is. */
export function useReplay(id: string) {
  const client = useQueryClient()
  const queryKey = ['replay', id]
  const query = useQuery<ReplayReport>({
    queryKey,
    // What the list says is shown at once.
    placeholderData: () => {
      const listed = client.getQueryData<Page<Replay>>(['replays'])?.items.find((one) => one.id === id)
      return listed && { ...listed, parts: [], pendingFiles: [] }
    },
    queryFn: async ({ signal }) => {
      const mark = latest.mark()
      return latest.newer(await fetchReplay(id, signal), mark)
    },
    // One that has just been requested may not be known to every process of the API yet.
    retry: (failures, error) => isNotFound(error) && failures < 2,
    retryDelay: 1_000,
  })
  useFollow(queryKey, query.data?.updatedAt?.getTime() ?? null, PARTS_EVERY_MS)
  return query
}

/** Pause, resume and cancel. */
export function useReplayControl(id: string) {
  const show = useShowAtOnce(id)
  return useMutation({ mutationFn: (control: ReplayControl) => controlReplay(id, control), onSuccess: show })
}

export function useReplayRate(id: string) {
  const show = useShowAtOnce(id)
  return useMutation({ mutationFn: (filesPerSecond: number | null) => changeRate(id, filesPerSecond), onSuccess: show })
}

function useShowAtOnce(id: string) {
  const client = useQueryClient()
  return (one: ReplayReport) => {
    client.setQueryData(['replay', id], one)
    void client.invalidateQueries({ queryKey: ['replays'] })
  }
}
