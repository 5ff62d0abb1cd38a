/** A computer whose clock is an hour off, either way, or is put right while a page is open. */
import { fireEvent, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { noteServerTime, serverNow } from '../src/api/clock'
import { formatMoment } from '../src/text/format'
import { importJson, planJson } from './builders'
import { FakeApi, jsonResponse } from './fakeApi'
import { pass, showImport, showPage } from './showPage'

const HOUR = 3_600_000
const RUNNING = { state: 'transferring', found: 100, stored: 40, failed: 0, pending: 60, finished_at: null }
/** Ten seconds after the builders' import was requested. */
const SERVER = Date.parse('2026-11-23T10:00:10Z')

let api: FakeApi

beforeEach(() => {
  vi.useFakeTimers({ now: SERVER })
  api = new FakeApi().install()
})

afterEach(() => noteServerTime(new Date().toUTCString()))

/** The server's clock stays as it is. */
function computerIs(off: number): void {
  vi.setSystemTime(SERVER + off)
  const honest = globalThis.fetch
  vi.stubGlobal('fetch', async (path: string, request: RequestInit = {}) => {
    const answer = await honest(path, request)
    answer.headers.set('date', new Date(Date.now() - off).toUTCString())
    return answer
  })
}

it.each([HOUR, -HOUR])('counts times and waits by the server’s (off by %i ms)', async (off) => {
  computerIs(off)
  const after = new Date(SERVER + 60_000).toISOString()
  const parked = { files: 1, reason: 'download_quota_exceeded', after }
  api.imports = [importJson({ ...RUNNING, parked })]
  await showImport()
  await pass(1_020)
  expect(screen.getByText('Running for').nextSibling?.textContent).toMatch(/^1[0-2] s$/)
  expect(screen.getByText(/^in 5\d s$/)).toBeDefined()
  expect(formatMoment(new Date(serverNow()))).not.toContain('2026')
})

it.each([HOUR, -HOUR])('renews an access token before it ends, and no sooner (off by %i ms)', async (off) => {
  computerIs(off)
  // The renewal in the background comes before any answer tells the time.
  noteServerTime(new Date(SERVER).toUTCString())
  api.token = { access_token: 'token-1', expires_at: new Date(SERVER + HOUR).toISOString() }
  sessionStorage.setItem('drivestream.api-key', 'drivestream_right')
  api.imports = [importJson(RUNNING)]
  await showImport()
  await pass(30 * 60_000)
  expect(api.count('POST', '/api/access-tokens')).toBe(1)
  await pass(15 * 60_000)
  expect(api.count('POST', '/api/access-tokens')).toBeGreaterThan(1)
})

it.each([HOUR, -HOUR])('asks for what happened in the last hour of the server (off by %i ms)', async (off) => {
  computerIs(off)
  noteServerTime(new Date(SERVER).toUTCString())
  api.changed = () => jsonResponse(planJson())
  await showPage('/replays')
  await pass(100)
  const period = screen.getByLabelText<HTMLSelectElement>('Time of the last result')
  fireEvent.change(period, { target: { value: '1' } })
  fireEvent.click(screen.getByRole('button', { name: 'Show the plan' }))
  await pass(100)
  const sent = JSON.stringify(api.asked.find(({ method }) => method === 'POST')?.body)
  expect(sent).toContain('"since":"2026-11-23T09:00:1')
})

it.each([HOUR, -HOUR])('notices a silent stream although the clock was put right meanwhile (by %i ms)', async (by) => {
  api.imports = [importJson(RUNNING)]
  await showImport()
  await pass(100)
  api.streams[0]?.freeze()
  api.imports = [importJson({ ...RUNNING, stored: 50, pending: 50 })]
  await pass(10_000)
  vi.setSystemTime(Date.now() + by)
  await pass(50_000)
  expect(api.streams).toHaveLength(2)
  expect(screen.getByTestId('equation').textContent).toContain('50 stored')
})
