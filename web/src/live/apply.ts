/** What an event changes in the cache of queries. */
import type { InfiniteData, QueryClient } from '@tanstack/react-query'
import { ApiError } from '../api/errors'
import { parseReplay, type Replay, type ReplayReport } from '../api/replays'
import { parseImport, parseImports, parseRates, parseTrouble } from '../api/parse'
import type { Import, ImportReport, Page } from '../api/types'
import type { Frame } from './frames'
import { latest } from './latest'
import { t } from '../text/language'

/** `importId` is what is watched: an import, or all of them. Raises if the API says that it is in trouble. */
export function applyFrame(client: QueryClient, importId: string | null, { event, data }: Frame): void {
  const json = jsonOf(data)
  if (event === 'snapshot') {
    if (importId === null) showList(client, parseImports(json))
    else showReport(client, parseImport(json))
  } else if (event === 'import') {
    if (importId === null) showList(client, parseImports([json]))
    else showReport(client, parseImport(json))
  } else if (event === 'replay') {
    showReplay(client, parseReplay(json))
  } else if (event === 'rates') {
    client.setQueryData(['rates', importId], parseRates(json))
  } else if (event === 'trouble') {
    const { detail, code } = parseTrouble(json)
    throw new ApiError('broken', detail, { code })
  }
}

function showReport(client: QueryClient, report: ImportReport): void {
  client.setQueryData<ImportReport>(['import', report.id], report)
  showList(client, [report])
}

/** Replaces those that are listed, and puts new ones in front. */
function showList(client: QueryClient, changed: readonly Import[]): void {
  for (const one of changed) {
    latest.keep(one)
    client.setQueryData<ImportReport>(['import', one.id], (old) => old && { ...old, ...one })
  }
  showIn(client, 'imports', changed)
}

function showReplay(client: QueryClient, one: Replay): void {
  latest.keep(one)
  client.setQueryData<ReplayReport>(['replay', one.id], (old) => old && { ...old, ...one })
  showIn(client, 'replays', [one])
}

interface Listed {
  readonly id: string
  readonly requestedAt: Date | null
}

/** In the page of the newest, and in those of older ones as far as they are loaded. */
function showIn<One extends Listed>(client: QueryClient, list: 'imports' | 'replays', changed: readonly One[]): void {
  client.setQueryData<Page<One>>([list], (page) => page && merged(page, changed))
  client.setQueriesData<InfiniteData<Page<One>>>(
    { queryKey: [`older-${list}`] },
    (old) => old && { ...old, pages: old.pages.map((page) => ({ ...page, items: replaced(page.items, changed) })) },
  )
}

/** Both are newest first. One that is older than all of the page is on a later page, even if something happens to it now. */
export function merged<One extends Listed>(page: Page<One>, changed: readonly One[]): Page<One> {
  const known = new Set(page.items.map(({ id }) => id))
  const since = page.next === null ? 0 : (page.items.at(-1)?.requestedAt?.getTime() ?? 0)
  const fresh = changed.filter(({ id, requestedAt }) => !known.has(id) && (requestedAt === null || requestedAt.getTime() >= since))
  return { ...page, items: [...fresh, ...replaced(page.items, changed)] }
}

function replaced<One extends Listed>(items: readonly One[], changed: readonly One[]): One[] {
  const news = new Map(changed.map((one) => [one.id, one]))
  return items.map((one) => news.get(one.id) ?? one)
}

function jsonOf(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    throw new ApiError('malformed', t().common.api.eventNotJson(data.slice(0, 60)))
  }
}
