/** Server state: what is fetched, how often, and when polling stops. Intervals are in milliseconds. */
import {
  QueryClient,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { useEffect } from 'react'
import {
  FIRST_IMPORTS_PATH,
  fetchFiles,
  fetchImport,
  fetchImports,
  fetchJourney,
  fetchPictures,
  firstFilesPath,
  firstPicturesPath,
} from './api/client'
import { isNotFound, mayRecover } from './api/errors'
import type { FileState, Import, Page } from './api/types'
import { isRunning } from './text/states'

const WHILE_RUNNING = 1_000
const WHILE_PAUSED = 3_000
const WHILE_IDLE = 12_000
const WHILE_FAILING = 3_000
const PICTURES_WHILE_RUNNING = 2_000
const FILES_WHILE_RUNNING = 3_000
const JOURNEY_WHILE_PENDING = 5_000

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The API may run on this machine, so being offline does not mean that it is unreachable.
        networkMode: 'always',
        retry: false,
        staleTime: 500,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  })
}

/** The newest imports. Polled while the tab is visible; this poll also notices that the API is back. */
export function useImports() {
  return useQuery({
    queryKey: ['imports'],
    queryFn: ({ signal }) => fetchImports(FIRST_IMPORTS_PATH, signal),
    refetchInterval: ({ state }) => {
      if (state.status === 'error') return WHILE_FAILING
      return Math.min(WHILE_IDLE, ...(state.data?.items ?? []).map(intervalOf))
    },
  })
}

/** What was in hand when an import was paused is counted a moment later. */
function intervalOf(one: Import): number {
  if (isRunning(one)) return WHILE_RUNNING
  return one.state === 'paused' ? WHILE_PAUSED : WHILE_IDLE
}

/** Older imports, starting with the page at `path`. Fetched once, and not while `path` is null. */
export function useOlderImports(path: string | null) {
  return useInfiniteQuery({
    queryKey: ['older imports', path],
    queryFn: ({ pageParam, signal }) => fetchImports(pageParam, signal),
    initialPageParam: path ?? FIRST_IMPORTS_PATH,
    getNextPageParam: (page) => page.next,
    enabled: path !== null,
    staleTime: WHILE_IDLE,
  })
}

/**
 * One import. It is fetched only when the list does not contain it, because two responses from
 * different moments would contradict each other on the same screen.
 */
export function useImport(id: string, listed: Import | undefined, listKnown: boolean) {
  const query = useQuery({
    queryKey: ['import', id],
    queryFn: ({ signal }) => fetchImport(id, signal),
    enabled: listKnown && listed === undefined,
    // An import that has just been requested may not be known yet.
    retry: (failures, error) => isNotFound(error) && failures < 2,
    retryDelay: 1_000,
    refetchInterval: ({ state }) => {
      if (state.status === 'error') return mayRecover(state.error) ? WHILE_FAILING : false
      return state.data === undefined ? WHILE_IDLE : intervalOf(state.data)
    },
  })
  return { data: listed ?? query.data, error: listed === undefined ? query.error : null }
}

/** The folders of an import that could not be listed. The list of imports only has their number. */
export function useFailedFolders(one: Import) {
  const { id } = one
  const running = isRunning(one)
  useFinalFetch(['import', id], one)
  return useQuery({
    queryKey: ['import', id],
    queryFn: ({ signal }) => fetchImport(id, signal),
    refetchInterval: ({ state }) => {
      if (state.status === 'error') return mayRecover(state.error) ? WHILE_FAILING : false
      return running ? FILES_WHILE_RUNNING : false
    },
  })
}

export function usePictures(one: Import) {
  return usePages(['pictures', one.id], firstPicturesPath(one.id), fetchPictures, one, PICTURES_WHILE_RUNNING)
}

export function useFiles(one: Import, state: FileState) {
  return usePages(['files', one.id, state], firstFilesPath(one.id, state), fetchFiles, one, FILES_WHILE_RUNNING)
}

/** Read anew each time it is opened. */
export function useJourney(importId: string, driveId: string) {
  return useQuery({
    queryKey: ['journey', importId, driveId],
    queryFn: ({ signal }) => fetchJourney(importId, driveId, signal),
    gcTime: 0,
    refetchInterval: ({ state }) => {
      if (state.status === 'error') return mayRecover(state.error) ? WHILE_FAILING : false
      return state.data?.state === 'pending' ? JOURNEY_WHILE_PENDING : false
    },
  })
}

/**
 * Pages of results that are linked by the `Link` header.
 *
 * A refetch requests every loaded page again. So pages are polled only while the last one is loaded,
 * where new items appear. The interval grows with the number of pages, which keeps the total at one
 * request a second or less.
 */
function usePages<Item>(
  queryKey: readonly string[],
  first: string,
  fetchPage: (path: string, signal: AbortSignal) => Promise<Page<Item>>,
  one: Import,
  interval: number,
) {
  useFinalFetch(queryKey, one)
  return useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => fetchPage(pageParam, signal),
    initialPageParam: first,
    getNextPageParam: (page) => page.next,
    refetchInterval: ({ state }) => {
      if (state.status === 'error') return mayRecover(state.error) ? WHILE_FAILING : false
      const pages = state.data?.pages ?? []
      const lastIsLoaded = pages.length <= 1 || pages.at(-1)?.next === null
      return isRunning(one) && lastIsLoaded ? Math.max(interval, pages.length * 1_000) : false
    },
  })
}

/**
 * Fetches once more when an import that is not polled has changed: after its end, because the last
 * files came after the last poll, and while it is paused.
 */
function useFinalFetch(queryKey: readonly string[], one: Import): void {
  const client = useQueryClient()
  const key = JSON.stringify(queryKey)
  const version = isRunning(one) ? null : one.updatedAt?.getTime()
  useEffect(
    () => () => void client.invalidateQueries({ queryKey: JSON.parse(key) as string[] }),
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- each new version is the reason to fetch
    [client, key, version],
  )
}
