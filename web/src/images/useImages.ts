/** The images of a list: its length at one moment, and the sections that are looked at. */
import { keepPreviousData, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { fetchFolders, fetchPicture, fetchSection, fetchSections, SECTION_SIZE, type ImageQuery } from '../api/images'
import type { Picture } from '../api/types'

/** What was loaded stays for a while after it was left, so that memory does not grow with the way. */
const KEPT_MS = 20_000
/** Who scrolls fast past a section does not load it. */
const SETTLED_MS = 90
/** The event stream does not refetch it: what one looks at would move. */
const STILL = { meta: { keep: true }, staleTime: Infinity, refetchOnMount: false } as const

/** `stored` is how many images there were to be seen when the list is asked for. */
export function useSections(list: ImageQuery, stored: number | null, enabled: boolean) {
  return useQuery({
    ...STILL,
    queryKey: ['images', list],
    queryFn: async ({ signal }) => ({ ...(await fetchSections(list, undefined, signal)), stored, list }),
    // With another filter, the old images stay until the new ones are there.
    placeholderData: keepPreviousData,
    retryOnMount: true,
    enabled,
  })
}

export type Sections = NonNullable<ReturnType<typeof useSections>['data']>

/** The images from `first` to `last`, as far as they are loaded. */
export function useRange(sections: Sections, first: number, last: number) {
  const { list, cursors } = sections
  const settled = useSettled(`${Math.floor(first / SECTION_SIZE)}-${Math.floor(last / SECTION_SIZE)}`)
  const [from = 0, to = 0] = settled.split('-').map(Number)
  const wanted = cursors.slice(Math.max(0, from), to + 1)
  const pages = useQueries({
    queries: wanted.map((cursor) => ({
      ...STILL,
      queryKey: ['image-section', list, cursor],
      queryFn: ({ signal }: { signal: AbortSignal }) => fetchSection(list, cursor, signal),
      gcTime: KEPT_MS,
    })),
  })
  const loaded = new Map(pages.map(({ data }, number) => [from + number, data]))
  const failed = pages.find(({ error }) => error !== null)
  return {
    at: (index: number): Picture | undefined => loaded.get(Math.floor(index / SECTION_SIZE))?.[index % SECTION_SIZE],
    error: failed?.error ?? null,
    retry: () => void failed?.refetch(),
  }
}

/** Where an image stands in a list, for whoever came by a link; null if it is not in it. */
export function usePosition(sections: Sections | undefined, driveId: string | null, known: number | null) {
  const client = useQueryClient()
  const { data } = useQuery({
    ...STILL,
    queryKey: ['image-position', sections?.list, sections?.cursors[0], driveId],
    queryFn: async ({ signal }) => {
      if (sections === undefined || driveId === null) return null
      const found = await fetchSections(sections.list, driveId, signal)
      // The list may have grown since: from its end, the place is the same.
      if (found.position === null) return null
      const grown = found.total - sections.total
      const index = sections.list.order === 'newest' ? found.position - grown : found.position
      if (index < 0) await client.invalidateQueries({ queryKey: ['images', sections.list] })
      return index
    },
    enabled: sections !== undefined && driveId !== null && known === null,
    gcTime: KEPT_MS,
  })
  return known ?? data
}

export function usePicture(driveId: string) {
  return useQuery({
    ...STILL,
    queryKey: ['image', driveId],
    queryFn: ({ signal }) => fetchPicture(driveId, signal),
    gcTime: KEPT_MS,
  })
}

export function useFolders(importId: string | null, version: number | null) {
  return useQuery({
    ...STILL,
    queryKey: ['folders', importId, version],
    queryFn: ({ signal }) => (importId === null ? [] : fetchFolders(importId, signal)),
    placeholderData: keepPreviousData,
    enabled: importId !== null,
  })
}

/** The value, once it has not changed for a moment; at first at once. */
function useSettled(value: string): string {
  const [settled, settle] = useState(value)
  useEffect(() => {
    if (value === settled) return undefined
    const timer = setTimeout(() => settle(value), SETTLED_MS)
    return () => clearTimeout(timer)
  }, [value, settled])
  return settled
}
