/** How the API is called: its errors, the time limit, and the key. Paths are the API's own. */
import { authorization, currentKey, currentToken, keepAccess, keepToken, type Token } from './access'
import { noteServerTime, serverNow } from './clock'
import { ApiError } from './errors'
import { parseToken } from './parse'
import { t } from '../text/language'

/** The proxy serves the API here. */
export const MOUNT = '/api'
const TIME_LIMIT_MS = 15_000
/** Tokens are valid for an hour at least. */
const RENEW_BEFORE_END_MS = 20 * 60_000

export interface Answer {
  readonly json: unknown
  readonly link: string | null
}

/** Keeps the key for the session if the API knows it. */
export async function signIn(key: string): Promise<void> {
  keepAccess(key, await fetchToken(key))
}

async function fetchToken(key: string): Promise<Token> {
  return parseToken((await send('/access-tokens', { method: 'POST', headers: authorization(key) })).json)
}

export function posted(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

export async function call(path: string, request: RequestInit): Promise<Answer> {
  const key = currentKey()
  renewToken()
  return send(path, { ...request, headers: { ...(request.headers as Record<string, string>), ...authorization(key) } })
}

let renewing = false

/** In the background. If it fails, the next call tries again. */
export function renewToken(): void {
  const [key, token] = [currentKey(), currentToken()]
  if (key === null || renewing || (token !== null && token.expiresAt - serverNow() > RENEW_BEFORE_END_MS)) return
  renewing = true
  fetchToken(key)
    .then(keepToken, () => undefined)
    .finally(() => (renewing = false))
}

export async function send(path: string, request: RequestInit): Promise<Answer> {
  const limit = AbortSignal.timeout(TIME_LIMIT_MS)
  const signal = request.signal ? AbortSignal.any([request.signal, limit]) : limit
  try {
    const response = await fetch(MOUNT + path, { ...request, signal })
    noteServerTime(response.headers.get('date'))
    const body = await response.text()
    if (!response.ok) throw errorOf(response, body)
    return { json: jsonOf(body), link: response.headers.get('link') }
  } catch (error) {
    // The page itself cancels calls when a view is closed. That is not an API error.
    if (error instanceof ApiError || request.signal?.aborted === true) throw error
    if (limit.aborted) throw new ApiError('unreachable', t().common.api.late(TIME_LIMIT_MS / 1000))
    throw new ApiError('unreachable', t().common.api.away)
  }
}

export function errorOf(response: Response, body: string): ApiError {
  const { status } = response
  const problem = problemOf(response, body)
  // When the API is down, the proxy responds in its place, without problem+json.
  if (problem === null && [502, 503, 504].includes(status)) {
    return new ApiError('unreachable', t().common.api.away, { status })
  }
  const kind = status >= 500 ? 'broken' : 'refused'
  return new ApiError(kind, problem?.sentence ?? t().common.api.status(status), {
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

export function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new ApiError('malformed', t().common.api.notJson(body.slice(0, 60)))
  }
}
