/** An API in memory behind `fetch`. Its data can be changed while a page shows it. */
import { vi } from 'vitest'

type Json = Record<string, unknown>

export interface Asked {
  readonly method: string
  readonly path: string
  readonly key: string | null
  readonly type: string | null
  readonly authorization: string | null
  readonly body: unknown
}

export class FakeApi {
  imports: Json[] = []
  files: Json[] = []
  pictures: Json[] = []
  /** If set, every call needs this key. */
  apiKey: string | null = null
  token: Json = { access_token: 'token-1', expires_at: new Date(Date.now() + 3_600_000).toISOString() }
  /** If set, may respond in place of the API, as if that were broken or down. */
  fault: ((path: string) => Response | Error | null) | null = null
  /** The response to the start of an import. */
  started: () => Response | Promise<Response> = () => jsonResponse({ message: 'Import started', jobId: 'job-1' }, 202)
  /** The response to a control or a retry of an import. */
  changed: (path: string, body: unknown) => Response | Promise<Response> = () => problem(404, 'There is no such import.')
  readonly asked: Asked[] = []

  install(): this {
    vi.stubGlobal('fetch', (path: string, request: RequestInit = {}) => this.answer(path, request))
    return this
  }

  count(method: string, path: string): number {
    return this.asked.filter((asked) => asked.method === method && asked.path === path).length
  }

  private async answer(path: string, request: RequestInit): Promise<Response> {
    const method = request.method ?? 'GET'
    const body = typeof request.body === 'string' ? (JSON.parse(request.body) as unknown) : null
    const headers = new Headers(request.headers)
    const type = headers.get('content-type')
    const authorization = headers.get('authorization')
    this.asked.push({ method, path, key: headers.get('idempotency-key'), type, authorization, body })
    const fault = this.fault?.(path)
    if (fault instanceof Error) throw fault
    if (fault) return fault
    if (this.apiKey !== null && authorization !== `Bearer ${this.apiKey}`) return problem(401, 'This needs an API key.')
    if (path === '/api/access-tokens') return jsonResponse(this.token)
    if (method !== 'POST') return this.read(path)
    // Like the API, which refuses forms that another site may post.
    if (body !== null && type !== 'application/json') return problem(415, 'The body must be JSON.')
    return path === '/api/import/google-drive' ? this.started() : this.changed(path, body)
  }

  private read(path: string): Response {
    if (/^\/api\/imports(\?|$)/.test(path)) return paged(this.imports, path)
    if (/^\/api\/imports\/[^/]+\/files\?/.test(path)) return this.readFiles(path)
    if (path.startsWith('/api/images?')) return paged(this.pictures, path)
    const one = this.imports.find(({ id }) => path === `/api/imports/${String(id)}`)
    return one ? jsonResponse(one) : problem(404, 'There is no such import.')
  }

  private readFiles(path: string): Response {
    const state = new URL(path, 'http://api.invalid').searchParams.get('state')
    return paged(this.files.filter((file) => file['state'] === state), path)
  }
}

function paged(all: readonly Json[], path: string): Response {
  const url = new URL(path, 'http://api.invalid')
  const from = Number(url.searchParams.get('cursor') ?? 0)
  const to = from + Number(url.searchParams.get('limit') ?? 100)
  url.searchParams.set('cursor', String(to))
  const next = `<${url.pathname.replace('/api', '')}${url.search}>; rel="next"`
  return jsonResponse(all.slice(from, to), 200, to < all.length ? { link: next } : {})
}

export function jsonResponse(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

export function problem(status: number, detail: string, code = 'some_code'): Response {
  return new Response(JSON.stringify({ type: 'about:blank', title: 'No', status, detail, code }), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  })
}
