/** An API in memory behind `fetch`. Its data can be changed while a page shows it. */
import { vi } from 'vitest'
import { FakeStream } from './fakeStream'

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
  /** As `GET /replays/{id}` has them; the list has them too. */
  replays: Json[] = []
  /** What limits the speed of the whole system. */
  limit = 'Nothing limits it.'
  folders: Json[] = []
  /** If set, every call needs this key. */
  apiKey: string | null = null
  token: Json = { access_token: 'token-1', expires_at: new Date(Date.now() + 3_600_000).toISOString() }
  /** If set, may respond in place of the API, as if that were broken or down. */
  fault: ((path: string) => Response | Error | null) | null = null
  /** The response to the start of an import. */
  started: () => Response | Promise<Response> = () => jsonResponse({ message: 'Import started', jobId: 'job-1' }, 202)
  /** The response to a link's preview. */
  previewed: () => Response | Promise<Response> = () => problem(503, 'Too many previews are being made.', 'previews_busy')
  /** The response to a control or a retry of an import. */
  changed: (path: string, body: unknown) => Response | Promise<Response> = () => problem(404, 'There is no such import.')
  readonly asked: Asked[] = []
  /** All event streams that were opened, oldest first. */
  readonly streams: FakeStream[] = []

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
    if (path.endsWith('/events')) return this.stream(path, request)
    if (method === 'GET') return this.read(path)
    // Like the API, which refuses forms that another site may post.
    if (body !== null && type !== 'application/json') return problem(415, 'The body must be JSON.')
    if (path === '/api/imports/preview') return this.previewed()
    return path === '/api/import/google-drive' ? this.started() : this.changed(path, body)
  }

  /** Breaks all streams, and lets none be opened until `fault` is null again. */
  goDown(fault: () => Response | Error = () => new TypeError('Failed to fetch')): void {
    this.fault = fault
    for (const stream of this.streams) stream.fail()
  }

  private stream(path: string, { signal }: RequestInit): Response {
    const id = /^\/api\/imports\/([^/]+)\/events$/.exec(path)?.[1]
    const one = () => this.imports.find((known) => known['id'] === id)
    if (id !== undefined && one() === undefined) return problem(404, 'There is no such import.')
    const stream = new FakeStream(() => (id === undefined ? this.imports.slice(0, 20) : (one() ?? {})), signal)
    this.streams.push(stream)
    return stream.response
  }

  private read(path: string): Response {
    if (/^\/api\/imports(\?|$)/.test(path)) return paged(this.imports, path)
    if (/^\/api\/imports\/[^/]+\/files\?/.test(path)) return this.readFiles(path)
    if (path === '/api/system') return jsonResponse({ limit: { reason: 'drive', message: this.limit } })
    if (/^\/api\/replays(\?|$)/.test(path)) return paged(this.replays, path)
    const replay = this.replays.find(({ id }) => path === `/api/replays/${String(id)}`)
    if (replay) return jsonResponse(replay)
    if (/^\/api\/imports\/[^/]+\/folders\?/.test(path)) return paged(this.folders, path)
    if (path.startsWith('/api/images')) return this.readImages(path)
    const one = this.imports.find(({ id }) => path === `/api/imports/${String(id)}`)
    return one ? jsonResponse(one) : problem(404, 'There is no such import.')
  }

  private readImages(path: string): Response {
    const { pathname, searchParams } = new URL(path, 'http://api.invalid')
    const name = searchParams.get('name')?.toLowerCase() ?? ''
    const chosen = this.pictures.filter((one) => String(one['name']).toLowerCase().startsWith(name))
    if (pathname === '/api/images') return paged(chosen, path)
    if (pathname === '/api/images/sections') {
      const size = Number(searchParams.get('section_size'))
      const cursors = Array.from({ length: Math.ceil(chosen.length / size) }, (_, section) => String(section * size))
      const position = chosen.findIndex((one) => one['google_drive_id'] === searchParams.get('image'))
      return jsonResponse({ total: chosen.length, section_size: size, cursors, position: position < 0 ? null : position })
    }
    const one = this.pictures.find((known) => pathname === `/api/images/${String(known['google_drive_id'])}`)
    const more = { folder_id: 'folder-1', path: 'Holidays', md5: 'abc', sha256: null, modified_at: null }
    if (one !== undefined) return jsonResponse({ ...more, ...one })
    return pathname.endsWith('/thumbnail') ? problem(415, 'The image has no thumbnail.', 'no_thumbnail') : problem(404, 'There is no such image.')
  }

  private readFiles(path: string): Response {
    const asked = new URL(path, 'http://api.invalid').searchParams
    const reason = asked.get('reason')
    const inState = this.files.filter((file) => file['state'] === asked.get('state'))
    return paged(reason === null ? inState : inState.filter((file) => file['reason'] === reason), path)
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

/** An answer that comes when the test says so, also if it says so before anybody asked. */
export function later(): { answer: () => Promise<Response>; give: (response: Response) => void } {
  let give: (response: Response) => void = () => undefined
  const promise = new Promise<Response>((resolve) => (give = resolve))
  return { answer: () => promise, give: (response) => give(response) }
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
