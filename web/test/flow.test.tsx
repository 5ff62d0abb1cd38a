import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { chooseLanguage } from '../src/text/language'
import { FakeApi, jsonResponse, problem } from './fakeApi'
import { pass, setVisible, showPage } from './showPage'

type Json = Record<string, unknown>

let api: FakeApi
let system: Json
let letters: Json[]
/** Answers a path in place of the API. */
let instead: (path: string) => Response | null

const lag = (changes: Json = {}) => ({
  group: 'transfer',
  topic: 'files.found',
  partition: 0,
  end: 100,
  committed: 0,
  messages: 0,
  seconds: 0,
  seconds_to_clear: 0,
  ...changes,
})

const worker = (changes: Json = {}) => ({
  id: 'transfer@host/7',
  service: 'transfer',
  state: 'running',
  reported_at: '2026-11-26T12:00:00Z',
  waiting_for: null,
  limited_by: null,
  holds: ['files.found/0'],
  in_flight: 3,
  concurrency: 4,
  in_hand: { drive: 2.8, memory: 0.01 },
  call_seconds: {},
  oldest_unfinished_seconds: 0,
  busy: 0.1,
  memory_used: 0,
  memory_limit: 0,
  quota: null,
  ...changes,
})

const letter = (changes: Json = {}) => ({
  number: 0,
  topic: 'files.found',
  partition: 3,
  offset: 17,
  at: '2026-11-26T11:00:00Z',
  reason: 'some_reason',
  message: 'the value is not JSON',
  key: { encoding: 'utf-8', data: 'k', size: 1 },
  value: { encoding: 'utf-8', data: '{"a":1', size: 6 },
  ...changes,
})

const plan = { plan_id: 'AX', files: 2, bytes: 12, by_outcome: { 'files.found': 2 }, quota_units: 400 }

beforeEach(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }))
  system = {
    as_of: '2026-11-26T12:00:00Z',
    limit: { reason: 'drive', message: 'Google Drive takes 0.7 s for each file.' },
    lag: [lag({ messages: 40, seconds: 90, seconds_to_clear: 30 })],
    lag_as_of: '2026-11-26T12:00:00Z',
    workers: [worker()],
    workers_known: 1,
    quota: { unit: 'units', limit: 325_000, used: 1_000, parts: [{ work: 'transfer', share: 0.9, limit: 9, allowed: 5, used: 5, waiting: 2 }] },
    rates: { now: null, minutes: [], as_of: null },
    dead_letters: 0,
    unknown: [],
  }
  letters = []
  instead = () => null
  api = new FakeApi().install()
  api.fault = (path) => {
    const other = instead(path)
    if (other !== null) return other
    if (path === '/api/system') return jsonResponse(system)
    if (path.startsWith('/api/dead-letters')) return jsonResponse(letters)
    if (path.startsWith('/api/topics/')) return jsonResponse([{ partition: 1, offset: 5, at: '2026-11-26T12:00:00Z', type: 'FileFound', key: letter().key, headers: { ce_id: 'x' }, value: letter().value }])
    return null
  }
})

const part = (id: string) => waitFor(() => {
  const found = document.querySelector(`[data-node="${id}"]`)
  if (found === null) throw new Error(`no ${id}`)
  return found
})

describe('the flow page', () => {
  it('says in another language what limits the speed, and why a record could not be read, and marks what is English', async () => {
    letters = [letter(), letter({ number: 1, message: 'file.name must be a string, not null' })]
    system['dead_letters'] = 2
    await chooseLanguage('de')
    try {
      await showPage('/flow')
      expect(await screen.findByText(/warten auf Antworten von Google Drive/)).toBeDefined()
      expect(screen.queryByText(/takes 0.7 s/)).toBeNull()
      expect((await screen.findByText('the value is not JSON')).lang).toBe('en')
      expect(screen.getByText('file.name: erwartet wird Text, nicht null.')).toBeTruthy()
    } finally {
      await chooseLanguage('en')
    }
  })

  it('says what limits the speed, and how far behind each topic is', async () => {
    await showPage('/flow')
    expect(await screen.findByText('Google Drive takes 0.7 s for each file.')).toBeTruthy()
    expect((await part('files.found')).textContent).toContain('40 behind')
    expect((await part('files.found')).textContent).toContain('oldest 1 min 30 s')
    expect((await part('files.found')).textContent).toContain('done in 30 s')
    expect((await part('transfer')).textContent).toContain('3 of 4 busy')
    expect((await part('lister')).textContent).toContain('not running')
    expect((await part('webhooks')).textContent).toContain('not in use')
    expect(screen.getByText('transfer@host/7')).toBeTruthy()
    expect(screen.getByText('Drive 2.8')).toBeTruthy()
    expect(screen.getByText('2 waiting')).toBeTruthy()
    expect(screen.getByText('Google refuses more. The share is 9.')).toBeTruthy()
  })

  it('is a table, too, which the URL names', async () => {
    const user = await showPage('/flow')
    await part('files.found')
    await user.click(screen.getByRole('button', { name: 'Table' }))
    const table = within(await screen.findByRole('group', { name: 'The stream' }))
    expect(table.getByRole('row', { name: 'files.found transfer – – 40 1 min 30 s 30 s' })).toBeTruthy()
    expect(window.location.search).toBe('?view=table')
  })

  it('opens the details of a part with its last events, and Back closes them', async () => {
    const user = await showPage('/flow')
    await user.click(await part('files.found'))
    const dialog = within(await screen.findByRole('dialog'))
    await user.click(await dialog.findByText('FileFound'))
    expect(dialog.getByText('partition 1, offset 5')).toBeTruthy()
    expect(window.location.search).toBe('?node=files.found')
    window.history.back()
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  })

  it('says that events cannot be read while Kafka is away', async () => {
    instead = (path) => (path.startsWith('/api/topics/') ? problem(503, 'Kafka is not responding.', 'kafka_unavailable') : null)
    await showPage('/flow?node=files.stored')
    expect(await screen.findByText(/The events could not be loaded. Kafka is not responding/)).toBeTruthy()
  })

  it('asks again when the stream ticks, at most every two seconds, and not while the tab is hidden', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true })
    await showPage('/flow')
    await part('files.found')
    const tick = async (times: number) => {
      /* oxlint-disable no-await-in-loop -- one tick after the other */
      for (let n = 0; n < times; n += 1) {
        api.streams.at(-1)?.event('rates', null)
        await pass(500)
      }
      /* oxlint-enable no-await-in-loop */
    }
    await pass(3_000)
    const before = api.count('GET', '/api/system')
    await tick(16)
    const asked = api.count('GET', '/api/system') - before
    expect(asked).toBeGreaterThanOrEqual(2)
    expect(asked).toBeLessThanOrEqual(5)
    await pass(3_000)
    setVisible(false)
    const hidden = api.count('GET', '/api/system')
    await tick(8)
    expect(api.count('GET', '/api/system')).toBe(hidden)
    setVisible(true)
  })

  it('says how old it is once nothing new comes', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true })
    await showPage('/flow')
    await part('files.found')
    expect(screen.queryByText(/old\./)).toBeNull()
    await pass(20_000)
    expect(screen.getByText(/This is \d+ s old\./)).toBeTruthy()
  })

  it('says which scope is needed', async () => {
    instead = (path) => (path === '/api/system' ? problem(403, 'This needs the scope read.', 'insufficient_scope') : null)
    await showPage('/flow')
    expect(await screen.findByText(/Ask an operator for one with the scope “read”/)).toBeTruthy()
  })

  it.each([
    ['markup', jsonResponse({ ...worker(), as_of: '<b>' })],
    ['HTML', new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ])('says so if the API sends %s', async (_, response) => {
    instead = (path) => (path === '/api/system' ? response.clone() : null)
    await showPage('/flow')
    expect(await screen.findByText(/The state of the system could not be loaded/)).toBeTruthy()
  })
})

describe('dead letters', () => {
  it('may be none', async () => {
    await showPage('/flow')
    expect(await screen.findByText('None. Every record could be read.')).toBeTruthy()
    expect(screen.queryByRole('button', { name: /Publish them again/ })).toBeNull()
  })

  it('are published again after a plan, with a name and a reason', async () => {
    letters = [letter(), letter({ number: 1, value: { encoding: 'base64', data: '/w==', size: 100_000 } })]
    system['dead_letters'] = 2
    instead = (path) => {
      if (path === '/api/replays/plan') return jsonResponse(plan)
      return path === '/api/replays' ? jsonResponse({ replay_id: 'replay-1' }, 202) : null
    }
    const user = await showPage('/flow')
    expect(await screen.findByText(/The first 1 byte of 100.0 kB are shown/)).toBeTruthy()
    await user.click(await screen.findByRole('button', { name: 'Publish them again…' }))
    const dialog = within(await screen.findByRole('dialog'))
    expect(await dialog.findByText('2 records (12 bytes)')).toBeTruthy()
    expect(dialog.getByText('It costs 400 units of Google’s quota.')).toBeTruthy()
    await user.click(dialog.getByRole('button', { name: 'Publish them again' }))
    expect(dialog.getByText(/Say why/)).toBeTruthy()
    expect(api.count('POST', '/api/replays')).toBe(0)
    await user.type(dialog.getByLabelText('Why'), 'It is mended.')
    await user.click(dialog.getByRole('button', { name: 'Publish them again' }))
    await waitFor(() => expect(window.location.pathname).toBe('/replays/replay-1'))
    const [asked, started] = api.asked.filter(({ method, path }) => method === 'POST' && path.startsWith('/api/replays'))
    expect(asked?.body).toEqual({ select: { dead_letters: true }, mode: 'all' })
    expect(started?.body).toMatchObject({ plan_id: 'AX', why: 'It is mended.' })
    expect(started?.key).toMatch(/^[0-9a-f-]{36}$/)
  })

  it.each([
    ['a key of another scope', problem(403, 'No.', 'insufficient_scope'), /It needs the scope “admin”/],
    ['a fault', problem(503, 'Kafka is not responding.', 'kafka_unavailable'), /It could not be planned. Kafka is not responding/],
    ['letters that were published too often', jsonResponse({ ...plan, files: 0, by_outcome: {} }), /Nothing would be published/],
  ])('are not published with %s', async (_, response, said) => {
    letters = [letter()]
    instead = (path) => (path === '/api/replays/plan' ? response.clone() : null)
    const user = await showPage('/flow')
    await user.click(await screen.findByRole('button', { name: 'Publish them again…' }))
    expect(await screen.findByText(said)).toBeTruthy()
    expect(api.count('POST', '/api/replays')).toBe(0)
  })
})
