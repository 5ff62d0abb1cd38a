/** The search parameters of each page. A value that cannot be meant is left out; nothing raises. */

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
}

export type GallerySearch = ImportSearch

export interface FlowSearch {
  /** The part of the stream whose details are open. */
  readonly node?: string | undefined
  readonly view?: 'table' | undefined
}

export function startSearch(raw: Raw): StartSearch {
  return { ...text('link', raw, 2_048), ...text('import', raw, 256) }
}

export function importSearch(raw: Raw): ImportSearch {
  return text('image', raw, 256)
}

export function gallerySearch(raw: Raw): GallerySearch {
  return importSearch(raw)
}

export function flowSearch(raw: Raw): FlowSearch {
  return { ...text('node', raw, 64), ...(raw['view'] === 'table' ? { view: 'table' as const } : {}) }
}

/** The router reads a parameter such as `7` as a number. */
function text<Name extends string>(name: Name, raw: Raw, longest: number): { readonly [N in Name]?: string } {
  const value = typeof raw[name] === 'number' ? String(raw[name]) : raw[name]
  const fits = typeof value === 'string' && value !== '' && value.length <= longest
  return (fits ? { [name]: value } : {}) as { readonly [N in Name]?: string }
}
