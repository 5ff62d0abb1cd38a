/** What a folder's link leads to, before anything is started. */
import { call, posted } from './http'
import { apiPath } from './path'
import { count, fieldsOf, flag, identifier, list, number, optional, tally, text, type Parser } from './values'

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
  /** The first of them, as they look. */
  readonly samples: readonly Sample[]
  /** How long the import takes with today's quota; null if that is not known. */
  readonly seconds: number | null
}

export interface Sample {
  readonly id: string
  readonly name: string
  /** A `data:` URL; null if there is no thumbnail. */
  readonly thumbnail: string | null
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
    samples: field('samples', (samples) => list(samples, sample)),
    seconds: field('seconds', optional(number)),
  }
}

const sample: Parser<Sample> = (value) => {
  const field = fieldsOf<'PreviewSample'>(value)
  const thumbnail = field('thumbnail', optional(text))
  return {
    id: field('google_drive_id', identifier),
    name: field('name', text),
    // Nothing but an image is shown, and nothing is loaded from elsewhere.
    thumbnail: thumbnail?.startsWith('data:image/') === true ? thumbnail : null,
  }
}
