/** Changes to an import: what is sent, and how the page shows the outcome at once. */
import { useMutation, useMutationState, useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { controlImport, retryImport } from './api/client'
import type { Control, FailedFolder, Import, ImportFile, ImportReport, Page, Retried, Selection } from './api/types'
import { hasEnded } from './text/states'

/** A retry, with what it selects as it was shown when the button was pressed. */
export interface Retry {
  readonly selection: Selection
  /** The sizes of the groups that it selects from, by reason code. */
  readonly failures?: Readonly<Record<string, number>>
  /** Only if single files are selected. */
  readonly files?: readonly ImportFile[]
  readonly folders?: readonly FailedFolder[]
}

export interface SentRetry extends Retry {
  /** The API's answer; null until it has come. */
  readonly retried: Retried | null
}

export function useControl(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (control: Control) => controlImport(id, control),
    onSuccess: (one) => showAtOnce(client, one),
    // Not awaited, because the answer is shown already.
    onSettled: () => void refresh(client, id),
  })
}

/** Pending until the new counts are shown, so that the button does not come back too early. */
export function useRetry(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationKey: retryKey(id),
    mutationFn: ({ selection }: Retry) => retryImport(id, selection),
    onSettled: () => refresh(client, id),
    // Forgotten only when the page is closed: an import can run for hours.
    gcTime: Infinity,
  })
}

/** The retries of this import that were sent since the page was opened and are not over, oldest first. */
export function useRetries(one: Import): SentRetry[] {
  return useSentRetries(one.id).filter(({ retried }) => retried === null || isUnderWay(retried, one))
}

/** The retries that were sent and are not forgotten, oldest first. One that ends at once is among them for a moment. */
export function useSentRetries(id: string): SentRetry[] {
  return useMutationState({
    filters: { mutationKey: retryKey(id), predicate: ({ state }) => state.status !== 'error' },
    select: ({ state }) => ({ ...(state.variables as Retry), retried: (state.data as Retried | undefined) ?? null }),
  })
}

/** Forgets the retries that are over. A later retry would make them look as if they were under way again. */
export function useForgetRetries(one: Import): void {
  const client = useQueryClient()
  useEffect(() => {
    const cache = client.getMutationCache()
    for (const mutation of cache.findAll({ mutationKey: retryKey(one.id), status: 'success' })) {
      if (!isUnderWay(mutation.state.data as Retried, one)) cache.remove(mutation)
    }
  }, [client, one])
}

/** The counts may lag behind the answer. A retry is over if they include it and the import has ended. */
function isUnderWay({ files, folders, round }: Retried, one: Import): boolean {
  return files + folders > 0 && (one.round < round || !hasEnded(one))
}

function retryKey(id: string): readonly string[] {
  return ['retry', id]
}

function showAtOnce(client: QueryClient, one: ImportReport): void {
  client.setQueryData<Page<Import>>(['imports'], (page) => page && { ...page, items: page.items.map(replaced) })
  client.setQueryData(['import', one.id], one)

  function replaced(other: Import): Import {
    return other.id === one.id ? one : other
  }
}

async function refresh(client: QueryClient, id: string): Promise<void> {
  const keys = [['imports'], ['older-imports'], ['import', id], ['files', id]]
  await Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey })))
}
