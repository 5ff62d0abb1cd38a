/** The search parameters of each page. A value that cannot be meant is left out; nothing raises. */

import { FILE_STATES, type FileState } from './api/types'
import { WHATS, type What } from './replays/choice'

/** As many as the API accepts. */
const MOST_IMPORTS = 1_000

type Raw = Readonly<Record<string, unknown>>

export interface StartSearch {
  /** A link that is to be previewed. */
  readonly link?: string | undefined
  /** Of URLs from before each import had a page. */
  readonly import?: string | undefined
}

export interface ImportSearch {
  /** The Drive id of the image that is open. */
  readonly image?: string | undefined
  /** Which files are listed. */
  readonly show?: FileState | undefined
  /** Only those that failed for this reason. */
  readonly reason?: string | undefined
}

export interface GallerySearch {
  /** The Drive id of the image that is open. */
  readonly image?: string | undefined
}

export interface ReplaysSearch {
  /** What is to be processed again. */
  readonly what?: What | undefined
  /** Ids of imports. */
  readonly imports?: string[] | undefined
}

export function replaysSearch(raw: Raw): ReplaysSearch {
  const what = oneOf(WHATS, raw['what'])
  const given: readonly unknown[] = Array.isArray(raw['imports']) ? raw['imports'] : []
  const imports = given.filter((id) => typeof id === 'string' && id !== '' && id.length <= 256).slice(0, MOST_IMPORTS) as string[]
  return { ...(what === undefined ? {} : { what }), ...(imports.length === 0 ? {} : { imports }) }
}

export function startSearch(raw: Raw): StartSearch {
  return { ...text('link', raw, 2_048), ...text('import', raw, 256) }
}

export function importSearch(raw: Raw): ImportSearch {
  const show = oneOf(FILE_STATES, raw['show'])
  return {
    ...text('image', raw, 256),
    ...(show === undefined ? {} : { show }),
    ...(show === 'failed' ? text('reason', raw, 64) : {}),
  }
}

export function gallerySearch(raw: Raw): GallerySearch {
  return text('image', raw, 256)
}

function oneOf<Value extends string>(known: readonly Value[], value: unknown): Value | undefined {
  return known.find((one) => one === value)
}

/** The router reads a parameter such as `7` as a number. */
function text<Name extends string>(name: Name, raw: Raw, longest: number): { readonly [N in Name]?: string } {
  const value = typeof raw[name] === 'number' ? String(raw[name]) : raw[name]
  const fits = typeof value === 'string' && value !== '' && value.length <= longest
  return (fits ? { [name]: value } : {}) as { readonly [N in Name]?: string }
}
