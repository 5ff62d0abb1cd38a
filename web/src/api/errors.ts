import { t } from '../text/language'

/**
 * How a call can fail. The kind tells the caller what to do next:
 *
 * - `unreachable`: the API did not respond (network, proxy, timeout). The call may be repeated.
 * - `refused`: the API rejected the request (4xx). Repeating it changes nothing.
 * - `broken`: the API failed (5xx). Repeating may help.
 * - `malformed`: the response breaks the contract. This is a bug and should be reported.
 */
export type ApiErrorKind = 'unreachable' | 'refused' | 'broken' | 'malformed'

export interface Problem {
  readonly status?: number
  readonly code?: string
}

export class ApiError extends Error {
  readonly kind: ApiErrorKind
  readonly status: number | null
  /** The stable code of a problem+json response, such as `invalid_folder_url`; null if there is none. */
  readonly code: string | null

  constructor(kind: ApiErrorKind, message: string, problem: Problem = {}) {
    super(message)
    this.name = 'ApiError'
    this.kind = kind
    this.status = problem.status ?? null
    this.code = problem.code ?? null
  }
}

/** The sentence to show for any thrown value; never empty. Another one may follow it, and a problem may only have a title. */
export function sentence(error: unknown): string {
  if (error instanceof ApiError && error.code !== null && Object.hasOwn(t().problems, error.code)) {
    const own = t().problems[error.code] ?? ''
    return own.endsWith(':') ? `${own} ${error.message}` : own
  }
  if (error instanceof Error && error.message !== '') return /\p{L}$/u.test(error.message) ? `${error.message}.` : error.message
  return t().common.unknownReason
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof ApiError && error.kind === 'unreachable'
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404
}

/** Whether the API asks for a key, or for another one. */
export function isUnauthorized(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401
}

/** Whether a retry may succeed without the user doing anything. */
export function mayRecover(error: unknown): boolean {
  return error instanceof ApiError && (error.kind === 'unreachable' || error.kind === 'broken')
}
