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
}

export function curlOf(api: Api, path: string, { method, body }: Request = {}): string {
  const key = api.withKey ? ' -H "Authorization: Bearer $DRIVESTREAM_API_KEY"' : ''
  // A body makes it a POST.
  const verb = method === undefined || (method === 'POST' && body !== undefined) ? '' : ` -X ${method}`
  const sent = body === undefined ? '' : ` -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`
  return `curl${key}${verb}${sent} ${quoted(api.url + path)}`
}

/** One word for a shell, whatever is in the text. */
export function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
