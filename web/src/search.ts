/** The search parameters of each page. A value that cannot be meant is left out; nothing raises. */

import { FILE_STATES, type FileState } from './api/types'
import { WHATS, type What } from './replays/choice'
import { LONGEST_LINK } from './start/folderHint'

/** As many as the API accepts. */
const MOST_TEXTS = 1_000

type Raw = Readonly<Record<string, unknown>>

export interface StartSearch {
  /** A link that is to be previewed. */
  readonly link?: string | undefined
  /** Of URLs from before each import had a page. */
  readonly import?: string | undefined
}

interface OpenImage {
  /** The Drive id of the image that is open. */
  readonly image?: string | undefined
}

export interface ImportSearch extends OpenImage {
  /** Which files are listed. */
  readonly show?: FileState | undefined
  /** Only those that failed for this reason. */
  readonly reason?: string | undefined
}

export const IMAGE_ORDERS = ['newest', 'oldest', 'name', '-name', 'size', '-size'] as const
export type ImageOrder = (typeof IMAGE_ORDERS)[number]

/** The filters of the list of images, and its order. */
export interface GallerySearch extends OpenImage {
  /** How names begin. */
  readonly name?: string | undefined
  readonly type?: string | undefined
  /** The Drive id of a folder. */
  readonly folder?: string | undefined
  /** Whether the folders below it count as well. */
  readonly below?: true | undefined
  /** In bytes. */
  readonly min?: number | undefined
  readonly max?: number | undefined
  /** Days, such as `2026-11-25`, in the reader's time zone. Both are included. */
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly sort?: ImageOrder | undefined
}

export interface ReplaysSearch {
  /** What is to be processed again. */
  readonly what?: What | undefined
  /** Ids of imports. */
  readonly imports?: string[] | undefined
  /** Codes of failures. */
  readonly reasons?: string[] | undefined
}

export function replaysSearch(raw: Raw): ReplaysSearch {
  const what = oneOf(WHATS, raw['what'])
  return { ...(what === undefined ? {} : { what }), ...texts('imports', raw, /^[^]{1,256}$/), ...texts('reasons', raw, /^[a-z0-9_]{1,64}$/) }
}

export interface FlowSearch {
  /** The part of the stream whose details are open. */
  readonly node?: string | undefined
  readonly view?: 'table' | undefined
}

export function startSearch(raw: Raw): StartSearch {
  return { ...text('link', raw, LONGEST_LINK), ...text('import', raw, 256) }
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
  const sort = oneOf(IMAGE_ORDERS, raw['sort'])
  return {
    ...text('image', raw, 256),
    ...text('name', raw, 200),
    ...text('type', raw, 100),
    ...text('folder', raw, 256),
    ...(raw['below'] === true ? { below: true as const } : {}),
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

function oneOf<Value extends string>(known: readonly Value[], value: unknown): Value | undefined {
  return known.find((one) => one === value)
}

export function flowSearch(raw: Raw): FlowSearch {
  return { ...text('node', raw, 64), ...(raw['view'] === 'table' ? { view: 'table' as const } : {}) }
}

function texts<Name extends string>(name: Name, raw: Raw, shape: RegExp): { readonly [N in Name]?: string[] } {
  const given: readonly unknown[] = Array.isArray(raw[name]) ? raw[name] : []
  const fitting = given.filter((value) => typeof value === 'string' && shape.test(value)).slice(0, MOST_TEXTS)
  return (fitting.length === 0 ? {} : { [name]: fitting }) as { readonly [N in Name]?: string[] }
}

/** The router reads a parameter such as `7` as a number. */
function text<Name extends string>(name: Name, raw: Raw, longest: number): { readonly [N in Name]?: string } {
  const value = typeof raw[name] === 'number' ? String(raw[name]) : raw[name]
  const fits = typeof value === 'string' && value !== '' && value.length <= longest
  return (fits ? { [name]: value } : {}) as { readonly [N in Name]?: string }
}
