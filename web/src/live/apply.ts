/** What an event changes in the cache of queries. */
import type { QueryClient } from '@tanstack/react-query'
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
  client.setQueryData<Page<Import>>(['imports'], (page) => page && { ...page, items: merged(page.items, changed) })
}

function showReplay(client: QueryClient, one: Replay): void {
  latest.keep(one)
  client.setQueryData<ReplayReport>(['replay', one.id], (old) => old && { ...old, ...one })
  client.setQueryData<Page<Replay>>(['replays'], (page) => page && { ...page, items: merged(page.items, [one]) })
}

/** Both are newest first. */
export function merged<One extends { readonly id: string }>(items: readonly One[], changed: readonly One[]): One[] {
  const news = new Map(changed.map((one) => [one.id, one]))
  const known = new Set(items.map(({ id }) => id))
  return [...changed.filter(({ id }) => !known.has(id)), ...items.map((one) => news.get(one.id) ?? one)]
}

function jsonOf(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    throw new ApiError('malformed', t().common.api.eventNotJson(data.slice(0, 60)))
  }
}
