/** Server state: what is asked, how often, and when it stops. Intervals are milliseconds. */
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
  fetchPictures,
  firstFilesPath,
  firstPicturesPath,
} from './api/client'
import { isNotFound, mayRecover } from './api/errors'
import type { FileState, Import, Page } from './api/types'
import { isRunning } from './text/states'

const WHILE_RUNNING = 1_000
const WHILE_IDLE = 12_000
const WHILE_FAILING = 3_000
const PICTURES_WHILE_RUNNING = 2_000
const FILES_WHILE_RUNNING = 3_000

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The API may well be on this machine: being offline says nothing about it.
        networkMode: 'always',
        retry: false,
        staleTime: 500,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  })
}

/** The newest imports. Asked while the tab is visible; the one poll that notices recovery. */
export function useImports() {
  return useQuery({
    queryKey: ['imports'],
    queryFn: ({ signal }) => fetchImports(FIRST_IMPORTS_PATH, signal),
    refetchInterval: ({ state }) => {
      if (state.status === 'error') return WHILE_FAILING
      return state.data?.items.some(isRunning) === true ? WHILE_RUNNING : WHILE_IDLE
    },
  })
}

/** Those after the newest ones, from the page at `path` on; asked for once, null for not yet. */
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
 * One import, asked for by itself only when the list does not hold it: two answers of different
 * moments on one screen would contradict each other.
 */
export function useImport(id: string, listed: Import | undefined, listKnown: boolean) {
  const query = useQuery({
    queryKey: ['import', id],
    queryFn: ({ signal }) => fetchImport(id, signal),
    enabled: listKnown && listed === undefined,
    // An import that was asked for a moment ago may not be known yet.
    retry: (failures, error) => isNotFound(error) && failures < 2,
    retryDelay: 1_000,
    refetchInterval: ({ state }) => {
      if (state.status === 'error') return mayRecover(state.error) ? WHILE_FAILING : false
      return state.data !== undefined && isRunning(state.data) ? WHILE_RUNNING : WHILE_IDLE
    },
  })
  return { data: listed ?? query.data, error: listed === undefined ? query.error : null }
}

/** Which folders of an import could not be listed: the list of imports only counts them. */
export function useFailedFolders(id: string, running: boolean) {
  useLastLook(['import', id], running)
  return useQuery({
    queryKey: ['import', id],
    queryFn: ({ signal }) => fetchImport(id, signal),
    refetchInterval: ({ state }) => {
      if (state.status === 'error') return mayRecover(state.error) ? WHILE_FAILING : false
      return running ? FILES_WHILE_RUNNING : false
    },
  })
}

export function usePictures(importId: string, running: boolean) {
  const first = firstPicturesPath(importId)
  return usePages(['pictures', importId], first, fetchPictures, running ? PICTURES_WHILE_RUNNING : null)
}

export function useFiles(importId: string, state: FileState, running: boolean) {
  const first = firstFilesPath(importId, state)
  return usePages(['files', importId, state], first, fetchFiles, running ? FILES_WHILE_RUNNING : null)
}

/**
 * Pages that follow one another by `Link`.
 *
 * A refetch asks for every page that is loaded. So it goes on by itself only while what is new
 * would be seen, at the end of what there is; and with more pages less often, so that it never
 * comes to more than one request a second.
 */
function usePages<Item>(
  queryKey: readonly string[],
  first: string,
  fetchPage: (path: string, signal: AbortSignal) => Promise<Page<Item>>,
  interval: number | null,
) {
  useLastLook(queryKey, interval !== null)
  return useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => fetchPage(pageParam, signal),
    initialPageParam: first,
    getNextPageParam: (page) => page.next,
    refetchInterval: ({ state }) => {
      if (state.status === 'error') return mayRecover(state.error) ? WHILE_FAILING : false
      const pages = state.data?.pages ?? []
      const atTheEnd = pages.length <= 1 || pages.at(-1)?.next === null
      return interval !== null && atTheEnd ? Math.max(interval, pages.length * 1_000) : false
    },
  })
}

/** Asks once more when the import has ended: the last files came after the last look. */
function useLastLook(queryKey: readonly string[], running: boolean): void {
  const client = useQueryClient()
  const key = JSON.stringify(queryKey)
  useEffect(() => {
    if (!running) return undefined
    return () => void client.invalidateQueries({ queryKey: JSON.parse(key) as string[] })
  }, [client, key, running])
}
