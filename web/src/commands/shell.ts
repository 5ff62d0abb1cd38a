/** What the buttons do, as lines for a shell. Pure, but for the key and the address of the page. */
import { currentKey } from '../api/access'
import { MOUNT } from '../api/http'

export interface Command {
  readonly title: string
  /** Null if it would be too long to be of use. */
  readonly curl: string | null
  /** For the command line of Drivestream; null if it has none for this. */
  readonly drivestream: string | null
}

/** Where the API is, and whether it asks for a key. */
export interface Api {
  readonly url: string
  readonly withKey: boolean
}

export function thisApi(): Api {
  return { url: window.location.origin + MOUNT, withKey: currentKey() !== null }
}

interface Request {
  readonly method?: 'POST' | 'PATCH'
  readonly body?: unknown
  /** Options of curl, such as those of `DOWNLOAD`. */
  readonly options?: string
}

/** Into a file, by the name that the API gives it. None if the API refuses. */
export const DOWNLOAD = '-fOJ'

export function curlOf(api: Api, path: string, { method, body, options }: Request = {}): string {
  const key = api.withKey ? ' -H "Authorization: Bearer $DRIVESTREAM_API_KEY"' : ''
  // A body makes it a POST.
  const verb = method === undefined || (method === 'POST' && body !== undefined) ? '' : ` -X ${method}`
  const sent = body === undefined ? '' : ` -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`
  const how = options === undefined ? '' : ` ${options}`
  return `curl${how}${key}${verb}${sent} ${quoted(api.url + path)}`
}

/** Names the API, so that it does the same wherever it is run. Without a key: `drivestream` reads that itself. */
export function drivestreamOf(api: Api, ...words: readonly string[]): string {
  return ['drivestream', ...words, '--api', quoted(api.url)].join(' ')
}

/** With `=`, because a value may begin with a dash. */
export function option(name: `--${string}`, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${name}=${quoted(String(value))}`]
}

/** One word for a shell, whatever is in the text. */
export function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
