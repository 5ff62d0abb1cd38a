/** What the flow page fetches, and when: the event stream tells that time has passed. */
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import { useLiveStatus } from '../live/Live'
import { useFollow } from '../queries'
import { lookOf, withLook, type Look } from './stream'
import { FIRST_LETTERS, fetchLetters, fetchSystem, fetchTopicEvents, type System } from './system'

const SYSTEM = ['system'] as const
const LETTERS = ['dead-letters'] as const
const EVERY_MS = 2_000
const LETTERS_EVERY_MS = 5_000

export interface Seen {
  readonly system: System
  /** The last looks, from which the rates follow. */
  readonly looks: readonly Look[]
}

export function useSystem() {
  const client = useQueryClient()
  return useQuery({
    queryKey: SYSTEM,
    queryFn: async ({ signal }): Promise<Seen> => {
      const system = await fetchSystem(signal)
      return { system, looks: withLook(client.getQueryData<Seen>(SYSTEM)?.looks ?? [], lookOf(system)) }
    },
  })
}

/** It is fetched again when an event comes, while the tab is visible. Whoever calls this is rendered with each event. */
export function useFollowSystem(): void {
  const { heardAt } = useLiveStatus()
  const isVisible = useSyncExternalStore(onVisibility, () => !document.hidden)
  useFollow(SYSTEM, isVisible ? heardAt : null, EVERY_MS)
}

/** `known` is how many there are, so that new ones are noticed. */
export function useDeadLetters(known: number | null) {
  const query = useInfiniteQuery({
    queryKey: LETTERS,
    queryFn: ({ pageParam, signal }) => fetchLetters(pageParam, signal),
    initialPageParam: FIRST_LETTERS,
    getNextPageParam: (page) => page.next,
  })
  useFollow(LETTERS, known, LETTERS_EVERY_MS)
  return query
}

/** As they were when they were asked for. */
export function useTopicEvents(topic: string) {
  return useQuery({
    queryKey: ['topic', topic],
    queryFn: ({ signal }) => fetchTopicEvents(topic, signal),
    gcTime: 0,
    meta: { keep: true },
  })
}

function onVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener)
  return () => document.removeEventListener('visibilitychange', listener)
}
