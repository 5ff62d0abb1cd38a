/** Every call that the page makes. Paths are the API's own; the proxy serves them under `/api`. */
import { authorization, currentKey, currentToken, keepAccess, keepToken, type Token } from './access'
import { ApiError } from './errors'
import { nextPath } from './link'
import {
  parseFiles,
  parseImport,
  parseImports,
  parseJourney,
  parsePictures,
  parseRetried,
  parseStarted,
  parseToken,
} from './parse'
import type {
  Control,
  FileState,
  Import,
  ImportFile,
  ImportReport,
  ImportStarted,
  Journey,
  Page,
  Picture,
  Retried,
  Selection,
} from './types'

const MOUNT = '/api'
const TIME_LIMIT_MS = 15_000
/** Tokens are valid for an hour at least. */
const RENEW_BEFORE_END_MS = 20 * 60_000
const PICTURES_PER_PAGE = 60
const FILES_PER_PAGE = 100

interface Answer {
  readonly json: unknown
  readonly link: string | null
}

export const FIRST_IMPORTS_PATH = '/imports'

/** Keeps the key for the session if the API knows it. */
export async function signIn(key: string): Promise<void> {
  keepAccess(key, await fetchToken(key))
}

async function fetchToken(key: string): Promise<Token> {
  return parseToken((await send('/access-tokens', { method: 'POST', headers: authorization(key) })).json)
}

/** Newest first. */
export async function fetchImports(path: string, signal: AbortSignal): Promise<Page<Import>> {
  const { json, link } = await call(path, { signal })
  return { items: parseImports(json), next: nextPath(link, path) }
}

export async function fetchImport(id: string, signal: AbortSignal): Promise<ImportReport> {
  return parseImport((await call(importPath(id), { signal })).json)
}

/** Pauses, resumes or cancels an import; returns it as it is now. Repeating the call changes nothing. */
export async function controlImport(id: string, control: Control): Promise<ImportReport> {
  return parseImport((await call(`${importPath(id)}/${control}`, { method: 'POST' })).json)
}

/** Tries failed files and folders again. */
export async function retryImport(id: string, selection: Selection): Promise<Retried> {
  return parseRetried((await call(`${importPath(id)}/retry`, posted(selection))).json)
}

/** Starts one import per key, however often the call is repeated. */
export async function startImport(folderUrl: string, key: string): Promise<ImportStarted> {
  const answer = await call('/import/google-drive', posted({ folderUrl }, { 'idempotency-key': key }))
  return parseStarted(answer.json)
}

export function firstFilesPath(importId: string, state: FileState): string {
  return `${importPath(importId)}/files?state=${state}&limit=${FILES_PER_PAGE}`
}

export async function fetchFiles(path: string, signal: AbortSignal): Promise<Page<ImportFile>> {
  const { json, link } = await call(path, { signal })
  return { items: parseFiles(json), next: nextPath(link, path) }
}

export async function fetchJourney(importId: string, driveId: string, signal: AbortSignal): Promise<Journey> {
  return parseJourney((await call(`${importPath(importId)}/files/${encodeURIComponent(driveId)}`, { signal })).json)
}

export function firstPicturesPath(importId: string): string {
  return `/images?import=${encodeURIComponent(importId)}&limit=${PICTURES_PER_PAGE}`
}

export async function fetchPictures(path: string, signal: AbortSignal): Promise<Page<Picture>> {
  const { json, link } = await call(path, { signal })
  return { items: parsePictures(json), next: nextPath(link, path) }
}

/** The picture's bytes, by way of our own origin: the API redirects to the object store. */
export function contentUrl(driveId: string): string {
  return `${MOUNT}/images/${encodeURIComponent(driveId)}/content`
}

/** Where the original opens: the store's own address, if it is one that a browser can open. */
export function originalUrl({ driveId, storagePath }: Pick<Picture, 'driveId' | 'storagePath'>): string {
  return /^https?:\/\//i.test(storagePath) ? storagePath : contentUrl(driveId)
}

function importPath(id: string): string {
  return `/imports/${encodeURIComponent(id)}`
}

function posted(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

async function call(path: string, request: RequestInit): Promise<Answer> {
  const key = currentKey()
  if (key !== null) renewToken(key)
  return send(path, { ...request, headers: { ...(request.headers as Record<string, string>), ...authorization(key) } })
}

let renewing = false

/** In the background. If it fails, the next call tries again. */
function renewToken(key: string): void {
  const token = currentToken()
  if (renewing || (token !== null && token.expiresAt - Date.now() > RENEW_BEFORE_END_MS)) return
  renewing = true
  fetchToken(key)
    .then(keepToken, () => undefined)
    .finally(() => (renewing = false))
}

async function send(path: string, request: RequestInit): Promise<Answer> {
  const limit = AbortSignal.timeout(TIME_LIMIT_MS)
  const signal = request.signal ? AbortSignal.any([request.signal, limit]) : limit
  try {
    const response = await fetch(MOUNT + path, { ...request, signal })
    const body = await response.text()
    if (!response.ok) throw errorOf(response, body)
    return { json: jsonOf(body), link: response.headers.get('link') }
  } catch (error) {
    // The page itself cancels calls when a view is closed. That is not an API error.
    if (error instanceof ApiError || request.signal?.aborted === true) throw error
    if (limit.aborted) throw new ApiError('unreachable', `The API did not respond within ${TIME_LIMIT_MS / 1000} seconds.`)
    throw new ApiError('unreachable', 'The API cannot be reached.')
  }
}

function errorOf(response: Response, body: string): ApiError {
  const { status } = response
  const problem = problemOf(response, body)
  // When the API is down, the proxy responds in its place, without problem+json.
  if (problem === null && [502, 503, 504].includes(status)) {
    return new ApiError('unreachable', 'The API cannot be reached.', { status })
  }
  const kind = status >= 500 ? 'broken' : 'refused'
  return new ApiError(kind, problem?.sentence ?? `The API returned status ${status} without an explanation.`, {
    status,
    ...(problem?.code === undefined ? {} : { code: problem.code }),
  })
}

function problemOf(response: Response, body: string): { sentence: string; code?: string } | null {
  const type = response.headers.get('content-type') ?? ''
  if (!/^application\/(problem\+)?json\b/.test(type)) return null
  const problem = jsonOf(body)
  if (typeof problem !== 'object' || problem === null) return null
  const { detail, title, code } = problem as Record<string, unknown>
  const said = [detail, title].find((text) => typeof text === 'string' && text !== '')
  if (typeof said !== 'string') return null
  return { sentence: said, ...(typeof code === 'string' ? { code } : {}) }
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new ApiError('malformed', `The API’s response is not JSON: “${body.slice(0, 60)}”.`)
  }
}
