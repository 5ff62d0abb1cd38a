/** What a folder's link leads to, before anything is started. */
import { call, posted } from './http'
import { apiPath } from './path'
import { count, fieldsOf, flag, list, number, optional, tally, text } from './values'

export interface Preview {
  readonly name: string
  /** Whether the whole folder was seen. Otherwise all numbers are lower bounds. */
  readonly complete: boolean
  readonly images: number
  readonly bytes: number
  /** Images by type, such as `image/jpeg`. */
  readonly types: Readonly<Record<string, number>>
  readonly skipped: Readonly<Record<string, number>>
  readonly folders: number
  /** A few of the images. */
  readonly names: readonly string[]
  /** How long the import takes with today's quota; null if that is not known. */
  readonly seconds: number | null
}

/** Takes up to 5 seconds. */
export async function previewFolder(folderUrl: string, signal: AbortSignal): Promise<Preview> {
  return parsePreview((await call(apiPath('/imports/preview'), { ...posted({ folderUrl }), signal })).json)
}

export function parsePreview(json: unknown): Preview {
  const field = fieldsOf<'Preview'>({ json, at: 'preview' })
  return {
    name: field('name', text),
    complete: field('complete', flag),
    images: field('images', count),
    bytes: field('bytes', count),
    types: field('types', tally),
    skipped: field('skipped', tally),
    folders: field('folders', count),
    names: field('names', (names) => list(names, text)),
    seconds: field('seconds', optional(number)),
  }
}
