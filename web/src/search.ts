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

export const IMAGE_ORDERS = ['newest', 'oldest', 'name', '-name', 'size', '-size'] as const
export type ImageOrder = (typeof IMAGE_ORDERS)[number]

/** The filters of the list of images, and its order. */
export interface GallerySearch extends ImportSearch {
  /** How names begin. */
  readonly name?: string | undefined
  readonly type?: string | undefined
  /** The Drive id of a folder. */
  readonly folder?: string | undefined
  /** In bytes. */
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** Days, such as `2026-11-25`, in the reader's time zone. Both are included. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly sort?: ImageOrder | undefined
}

export function startSearch(raw: Raw): StartSearch {
  return { ...text('link', raw, 2_048), ...text('import', raw, 256) }
}

export function importSearch(raw: Raw): ImportSearch {
  return text('image', raw, 256)
}

export function gallerySearch(raw: Raw): GallerySearch {
  const sort = IMAGE_ORDERS.find((order) => order === raw['sort'])
  return {
    ...importSearch(raw),
    ...text('name', raw, 200),
    ...text('type', raw, 100),
    ...text('folder', raw, 256),
    ...size('min', raw),
    ...size('max', raw),
    ...day('since', raw),
    ...day('until', raw),
    ...(sort === undefined ? {} : { sort }),
  }
}

function size<Name extends string>(name: Name, raw: Raw): { readonly [N in Name]?: number } {
  const value = raw[name]
  const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
  return (fits ? { [name]: value } : {}) as { readonly [N in Name]?: number }
}

function day<Name extends string>(name: Name, raw: Raw): { readonly [N in Name]?: string } {
  const value = raw[name]
  const fits = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
  return (fits ? { [name]: value } : {}) as { readonly [N in Name]?: string }
}

/** The router reads a parameter such as `7` as a number. */
function text<Name extends string>(name: Name, raw: Raw, longest: number): { readonly [N in Name]?: string } {
  const value = typeof raw[name] === 'number' ? String(raw[name]) : raw[name]
  const fits = typeof value === 'string' && value !== '' && value.length <= longest
  return (fits ? { [name]: value } : {}) as { readonly [N in Name]?: string }
}
