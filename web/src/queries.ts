/**
 * Server state. The event stream keeps imports and rates up to date (`live/`). Everything else is fetched
 * again when an event says that it changed. Nothing is polled.
 */
import { QueryClient, useInfiniteQuery, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import {
  FIRST_IMPORTS_PATH,
  fetchFiles,
  fetchImport,
  fetchImports,
  fetchJourney,
  firstFilesPath,
} from './api/client'
import { isNotFound } from './api/errors'
import { fetchSpeedLimit, type SpeedLimit } from './api/speedLimit'
import type { FileState, Import, Page, Rates } from './api/types'
import { latest } from './live/latest'
import { isRunning } from './text/states'

/** The least time between two fetches of the same list while its import changes. */
const FILES_EVERY_MS = 3_000
const LIMIT_EVERY_MS = 10_000

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The API may run on this machine, so being offline does not mean that it is unreachable.
        networkMode: 'always',
        retry: false,
        staleTime: 500,
        // The stream notices what was missed.
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  })
}

/** The newest imports, newest first. */
export function useImports() {
  return useQuery({
    queryKey: ['imports'],
    queryFn: async ({ signal }) => {
      const mark = latest.mark()
      const page = await fetchImports(FIRST_IMPORTS_PATH, signal)
      return { ...page, items: page.items.map((one) => latest.newer(one, mark)) }
    },
  })
}

/** Older imports, starting with the page at `path`. Fetched once, and not while `path` is null. */
export function useOlderImports(path: string | null) {
  return useInfiniteQuery({
    queryKey: ['older-imports', path],
    queryFn: ({ pageParam, signal }) => fetchImports(pageParam, signal),
    initialPageParam: path ?? FIRST_IMPORTS_PATH,
    getNextPageParam: (page) => page.next,
    enabled: path !== null,
    staleTime: Infinity,
  })
}

/** One import, with the folders that could not be listed. */
export function useImport(id: string) {
  const client = useQueryClient()
  return useQuery({
    queryKey: ['import', id],
    // The stream keeps it fresh.
    staleTime: Infinity,
    // What the list says is shown at once.
    placeholderData: () => {
      const listed = client.getQueryData<Page<Import>>(['imports'])?.items.find((one) => one.id === id)
      return listed && { ...listed, failedFolders: [] }
    },
    queryFn: ({ signal }) => fetchLatest(id, signal),
    // An import that has just been requested may not be known yet.
    retry: (failures, error) => isNotFound(error) && failures < 2,
    retryDelay: 1_000,
  })
}

async function fetchLatest(id: string, signal: AbortSignal) {
  const mark = latest.mark()
  return latest.newer(await fetchImport(id, signal), mark)
}

/** So many that are in no list are asked for. */
const MOST_UNLISTED = 20

/** These imports as far as they are known; the newest ones if there are no ids. */
export function useListedImports(ids: readonly string[]): readonly Import[] {
  const newest = useImports().data?.items ?? []
  const unlisted = ids.filter((id) => !newest.some((one) => one.id === id)).slice(0, MOST_UNLISTED)
  const asked = useQueries({
    queries: unlisted.map((id) => ({
      queryKey: ['import', id],
      queryFn: ({ signal }: { signal: AbortSignal }) => fetchLatest(id, signal),
      staleTime: Infinity,
    })),
  })
  if (ids.length === 0) return newest
  return [...newest.filter(({ id }) => ids.includes(id)), ...asked.flatMap(({ data }) => data ?? [])]
}

/** How fast files are found and copied, of one import or of all; null while the monitor is silent. */
export function useRates(importId: string | null): Rates | null {
  // Only the stream has them.
  const { data } = useQuery<Rates | null>({ queryKey: ['rates', importId], queryFn: () => null, enabled: false })
  return data ?? null
}

export function useFiles(one: Import, state: FileState, reason?: string) {
  const key = ['files', one.id, state, ...(reason === undefined ? [] : [reason])]
  return usePages(key, firstFilesPath(one.id, state, reason), fetchFiles, versionOf(one), FILES_EVERY_MS)
}

/** What limits the speed of the whole system; null if the import itself says it, or has ended. */
export function useSpeedLimit(one: Import): SpeedLimit | null {
  const wanted = isRunning(one) && one.waitingFor === null && one.limitedBy === null
  const queryKey = ['speed-limit']
  const { data } = useQuery({ queryKey, queryFn: ({ signal }) => fetchSpeedLimit(signal), enabled: wanted, staleTime: LIMIT_EVERY_MS })
  useFollow(queryKey, wanted ? versionOf(one) : null, LIMIT_EVERY_MS)
  return wanted ? (data ?? null) : null
}

/** Read anew each time it is opened, and when the import changes while the file is pending. */
export function useJourney(importId: string, driveId: string) {
  const queryKey = ['journey', importId, driveId]
  const one = useImport(importId).data
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => fetchJourney(importId, driveId, signal),
    gcTime: 0,
  })
  useFollow(queryKey, one !== undefined && query.data?.state === 'pending' ? versionOf(one) : null, FILES_EVERY_MS)
  return query
}

function versionOf({ updatedAt }: Pick<Import, 'updatedAt'>): number | null {
  return updatedAt?.getTime() ?? null
}

/**
 * Pages of results that are linked by the `Link` header. A refetch requests every loaded page again. So
 * the more are loaded, the less often they are fetched, and not at all if new items appear on a later page.
 */
function usePages<Item>(
  queryKey: readonly string[],
  first: string,
  fetchPage: (path: string, signal: AbortSignal) => Promise<Page<Item>>,
  version: number | null,
  interval: number,
) {
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => fetchPage(pageParam, signal),
    initialPageParam: first,
    getNextPageParam: (page) => page.next,
  })
  const pages = query.data?.pages ?? []
  const lastIsLoaded = pages.length <= 1 || pages.at(-1)?.next === null
  useFollow(queryKey, lastIsLoaded ? version : null, Math.max(interval, pages.length * 1_000))
  return query
}

/** Fetches again when `version` changes, at most once in `interval` milliseconds. Null changes nothing. */
export function useFollow(queryKey: readonly string[], version: number | null, interval: number): void {
  const client = useQueryClient()
  const key = JSON.stringify(queryKey)
  const seen = useRef<{ key: string; version: number } | null>(null)
  const nextAt = useRef(0)
  useEffect(() => {
    if (version === null) return undefined
    const before = seen.current
    if (before?.key !== key) {
      seen.current = { key, version }
      nextAt.current = Date.now() + interval
      return undefined
    }
    if (before.version === version) return undefined
    const timer = setTimeout(
      () => {
        seen.current = { key, version }
        nextAt.current = Date.now() + interval
        void client.invalidateQueries({ queryKey: JSON.parse(key) as string[], exact: true })
      },
      // Not longer, even if the clock was put back meanwhile.
      Math.min(interval, Math.max(0, nextAt.current - Date.now())),
    )
    return () => clearTimeout(timer)
  }, [client, key, version, interval])
}
