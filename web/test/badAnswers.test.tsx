/** An API that answers every request of every page with something that it should not, and then is well again. */
import { screen } from '@testing-library/react'
import { beforeEach, expect, it, vi } from 'vitest'
import { importJson, pictureJson, replayJson } from './builders'
import { FakeApi, jsonResponse, problem } from './fakeApi'
import { closePages, pass, showPage } from './showPage'

const PAGES = ['/', '/imports/job-1', '/imports/job-1/gallery', '/gallery', '/replays', '/replays/replay-1', '/flow'] as const
/** The page gives up a request after 15 seconds, and asks again for the stream at most 8 seconds later. */
const LONG_MS = 60_000

let api: FakeApi

beforeEach(() => {
  vi.useFakeTimers()
  // It has a timer of its own, which no test can advance.
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const limit = new AbortController()
    setTimeout(() => limit.abort(new DOMException('It took too long.', 'TimeoutError')), ms)
    return limit.signal
  })
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
  api = new FakeApi().install()
  api.imports = [importJson({ name: 'Holidays' })]
  api.pictures = [pictureJson()]
  api.replays = [replayJson()]
})

const SYSTEM = {
  as_of: '2026-11-26T12:00:00Z',
  limit: { reason: 'drive', message: 'Drive is slow.' },
  lag: [],
  lag_as_of: null,
  workers: [],
  workers_known: 0,
  quota: { unit: 'units', limit: null, used: 0, parts: [] },
  rates: { now: null, minutes: [], as_of: null },
  dead_letters: 0,
  unknown: [],
}

/** An API that answers all that these pages ask for. */
function well(path: string): Response | null {
  if (path === '/api/system') return jsonResponse(SYSTEM)
  return path.startsWith('/api/dead-letters') ? jsonResponse([]) : null
}

/** What somebody sees of the page. */
function seen() {
  const has = (selector: string) => document.querySelector(selector) !== null
  const trouble = has('main [role=alert]:not(:empty), main .note-bad') || /could not be loaded|nothing to show/.test(document.querySelector('main')?.textContent ?? '')
  return { crashed: screen.queryByText('This page failed') !== null, banner: has('.banner'), trouble }
}

function htmlPage(status: number): Response {
  return new Response('<!doctype html><h1>Sign in</h1>', { status, headers: { 'content-type': 'text/html' } })
}

it.each([
  ['500 and nothing', () => new Response('', { status: 500 })],
  ['500 and a problem', () => problem(500, 'A bug in the API.', 'internal_error')],
  ['500 and HTML', () => htmlPage(500)],
  ['HTML, as a proxy that asks for a password', () => htmlPage(200)],
  ['nothing', () => new Response('')],
  ['a page of JSON that is something else', () => jsonResponse({ hello: ['world'] })],
  ['null', () => jsonResponse(null)],
])('says so when the API answers %s, and recovers', async (_, answer) => {
  for (const path of PAGES) {
    /* oxlint-disable no-await-in-loop -- one page after the other */
    api.fault = answer
    await showPage(path)
    await pass(5_000)
    const bad = seen()
    api.fault = well
    await pass(LONG_MS)
    expect([path, bad, seen()]).toEqual([path, { crashed: false, banner: true, trouble: true }, { crashed: false, banner: false, trouble: false }])
    closePages()
    /* oxlint-enable no-await-in-loop */
  }
})

it.each(PAGES)('says so when the API takes a request and never answers, and recovers: %s', async (path) => {
  api.fault = well
  const honest = globalThis.fetch
  let silent = true
  vi.stubGlobal('fetch', (url: string, request: RequestInit = {}) => {
    if (!silent) return honest(url, request)
    return new Promise((_, reject) => {
      request.signal?.addEventListener('abort', () => reject(new DOMException('Aborted', 'AbortError')))
    })
  })
  await showPage(path)
  await pass(LONG_MS)
  expect(screen.getByText('The API is not responding.')).toBeDefined()
  expect(document.querySelectorAll('.skeleton')).toHaveLength(0)
  silent = false
  await pass(LONG_MS)
  expect(seen()).toEqual({ crashed: false, banner: false, trouble: false })
})

/** Where it is refused, the page shows what another request told of the same imports, or no more than their ids. */
const ALSO_KNOWN = new Set(['/api/imports', '/api/imports/job-1'])

it.each(PAGES)('says so when one request alone is refused, whichever it is: %s', async (path) => {
  api.fault = well
  await showPage(path)
  await pass(5_000)
  const requests = new Set(api.asked.map((one) => one.path))
  closePages()
  const silent: string[] = []
  for (const refused of requests) {
    /* oxlint-disable no-await-in-loop -- one request after the other */
    api.fault = (one) => (one === refused ? problem(503, 'The database is busy.', 'database_busy') : well(one))
    await showPage(path)
    await pass(5_000)
    const { crashed, banner, trouble } = seen()
    if (crashed || !(banner || trouble)) silent.push(refused)
    closePages()
    /* oxlint-enable no-await-in-loop */
  }
  expect(silent.filter((one) => !ALSO_KNOWN.has(one))).toEqual([])
})

it('has a place for the folders of an import while they are awaited', async () => {
  api.fault = well
  api.imports = [importJson({ folders_found: 2, folders_listed: 2 })]
  const honest = globalThis.fetch
  let answer = () => {}
  vi.stubGlobal('fetch', async (url: string, request: RequestInit = {}) => {
    if (url.includes('/folders')) await new Promise<void>((resolve) => (answer = resolve))
    return honest(url, request)
  })
  api.folders = [
    { folder_id: 'root', path: [], images: 1 },
    { folder_id: 'a', path: ['Summer'], images: 2 },
  ]
  await showPage('/imports/job-1/gallery')
  await pass(1_000)
  expect(screen.getByRole('navigation', { name: 'Folders' }).getAttribute('aria-busy')).toBe('true')
  answer()
  await pass(1_000)
  expect(screen.getByRole('navigation', { name: 'Folders' }).getAttribute('aria-busy')).toBeNull()
  expect(screen.getByRole('button', { name: 'Summer 2' })).toBeDefined()
})
