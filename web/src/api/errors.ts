/**
 * What can go wrong with a call, by what the caller should do next:
 *
 * - `unreachable`: no answer from the API (network, proxy, time limit): the same call may be repeated
 * - `refused`: the API understood and said no (4xx): repeating changes nothing
 * - `broken`: the API could not do it (5xx): repeating may help
 * - `malformed`: the answer is not what the contract says: a fault of ours, to be reported
 */
export type ApiErrorKind = 'unreachable' | 'refused' | 'broken' | 'malformed'

export interface Problem {
  readonly status?: number
  readonly code?: string
}

export class ApiError extends Error {
  readonly kind: ApiErrorKind
  readonly status: number | null
  /** The stable word of problem+json, such as `invalid_folder_url`; null where there is none. */
  readonly code: string | null

  constructor(kind: ApiErrorKind, message: string, problem: Problem = {}) {
    super(message)
    this.name = 'ApiError'
    this.kind = kind
    this.status = problem.status ?? null
    this.code = problem.code ?? null
  }
}

/** The sentence to show for anything thrown; never empty. */
export function sentence(error: unknown): string {
  if (error instanceof Error && error.message !== '') return error.message
  return 'Something went wrong, and no reason was given.'
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof ApiError && error.kind === 'unreachable'
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404
}

/** Whether asking again, without anybody acting here, may bring an answer. */
export function mayRecover(error: unknown): boolean {
  return error instanceof ApiError && (error.kind === 'unreachable' || error.kind === 'broken')
}
