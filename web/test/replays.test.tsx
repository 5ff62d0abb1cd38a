import { screen, waitFor, within } from '@testing-library/react'
import { execFileSync } from 'node:child_process'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { parsePlan, parseReplayReport } from '../src/api/replays'
import { planRequest } from '../src/replays/choice'
import { planCommand } from '../src/replays/commands'
import { percentDone, rateOf, replayState } from '../src/replays/progress'
import { replaysSearch } from '../src/search'
import { importJson, planJson, replayJson } from './builders'
import { FakeApi, jsonResponse, problem } from './fakeApi'
import { pass, showPage } from './showPage'

type Json = Record<string, unknown>

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
})

const button = (name: string | RegExp) => screen.findByRole('button', { name })
const sent = (method: string) => api.asked.filter((asked) => asked.method === method).map(({ path, body }) => [path, body])

describe('planning a replay', () => {
  it('teaches what a replay is for, while there is none', async () => {
    await showPage('/replays')
    expect(await screen.findByText(/There has been no replay yet/)).toBeDefined()
    expect(screen.getByText(/after an outage/)).toBeDefined()
    expect(document.title).toBe('Replays – Drivestream')
  })

  it('counts what is chosen, and starts nothing', async () => {
    api.imports = [importJson({ failed: 12, failures: { store_full: 12 } }), importJson({ id: 'job-2', name: 'Other' })]
    api.changed = () => jsonResponse(planJson({ left_out: 1, unread: 2 }))
    const user = await showPage('/replays')
    await user.click(await screen.findByLabelText('Only these:'))
    await user.click(await button('Show the plan'))
    expect(await screen.findByText('Choose at least one import.')).toBeDefined()
    expect(sent('POST')).toEqual([])
    await user.click(await screen.findByLabelText(/^Holidays/))
    await waitFor(() => expect(window.location.search).toContain('job-1'))
    await user.click(await button('Show the plan'))
    const plan = await screen.findByRole('region', { name: 'This replay would process 3 files' })
    expect(sent('POST')).toEqual([['/api/replays/plan', { mode: 'failed', select: { imports: ['job-1'] } }]])
    expect(within(plan).getByText('15.0 kB')).toBeDefined()
    expect(within(plan).getByText('600 quota units')).toBeDefined()
    expect(within(plan).getByText('at least 2 s')).toBeDefined()
    expect(within(plan).getByText(/The storage is full \(3\)/)).toBeDefined()
    expect(within(plan).getByText('1 import is paused or cancelled, and left out.')).toBeDefined()
    expect(within(plan).getByText(/Files are being found right now/)).toBeDefined()
    expect(within(plan).getByText(/Kafka now holds all records since/)).toBeDefined()
    await waitFor(() => expect(document.activeElement?.textContent).toBe('This replay would process 3 files'))
    // A plan of something else is not shown as if it were of this.
    await user.click(screen.getByLabelText(/^What is missing/))
    await waitFor(() => expect(screen.queryByRole('region', { name: /would process/ })).toBeNull())
  })

  it('chooses why files failed, of the imports that are chosen', async () => {
    api.imports = [
      importJson({ failed: 15, failures: { store_full: 12, gone: 3 } }),
      importJson({ id: 'job-2', name: 'Other', failures: { gone: 20, never_heard: 1 } }),
    ]
    api.changed = () => jsonResponse(planJson())
    const user = await showPage('/replays')
    const reasons = await screen.findByRole('group', { name: 'Why they failed' })
    const named = () => within(reasons).getAllByRole('checkbox').map((box) => box.closest('label')?.textContent)
    expect(named()).toEqual(['Deleted or no longer shared 23 files', 'The storage is full 12 files', 'never_heard 1 file'])
    await user.click(screen.getByLabelText('Only these:'))
    await user.click(await screen.findByLabelText(/^Holidays/))
    await waitFor(() => expect(named()).toEqual(['The storage is full 12 files', 'Deleted or no longer shared 3 files']))
    await user.click(within(reasons).getByLabelText(/^Deleted/))
    await waitFor(() => expect(window.location.search).toContain('gone'))
    await user.click(await button('Show the plan'))
    await screen.findByRole('region', { name: 'This replay would process 3 files' })
    expect(sent('POST')).toEqual([['/api/replays/plan', { mode: 'failed', select: { imports: ['job-1'], reasons: ['gone'] } }]])
    // Only failures have reasons.
    await user.click(screen.getByLabelText(/^What is missing/))
    await waitFor(() => expect(screen.queryByRole('group', { name: 'Why they failed' })).toBeNull())
  })

  it('knows why the files of an import failed that is in no list, and keeps a reason of a link', async () => {
    api.imports = [...Array.from({ length: 120 }, (_, n) => importJson({ id: `new-${n}` })), importJson({ id: 'old', failures: { gone: 3 } })]
    await showPage('/replays?imports=["old"]&reasons=["never_heard"]')
    expect(await screen.findByLabelText('Deleted or no longer shared 3 files')).toHaveProperty('checked', false)
    expect(screen.getByLabelText('never_heard')).toHaveProperty('checked', true)
  })

  it('is proposed by the page of an import', async () => {
    api.imports = [importJson({ failed: 12 })]
    const user = await showPage('/imports/job-1')
    await user.click(await screen.findByRole('link', { name: 'Replay…' }))
    expect(await screen.findByLabelText<HTMLInputElement>(/^Holidays/)).toHaveProperty('checked', true)
    expect(window.location.pathname).toBe('/replays')
  })

  it('says that nothing matches, and offers no start', async () => {
    api.changed = () => jsonResponse(planJson({ files: 0, bytes: 0, quota_units: 0, by_outcome: {}, by_reason: {}, samples: [] }))
    const user = await showPage('/replays?what=verify')
    await user.click(await button('Show the plan'))
    expect(await screen.findByText('This replay would do nothing')).toBeDefined()
    expect(screen.queryByRole('button', { name: 'Start the replay' })).toBeNull()
    expect(sent('POST')).toEqual([['/api/replays/plan', { mode: 'verify', select: { outcomes: ['stored', 'unchanged'] } }]])
  })

  it.each([
    ['with a problem', () => problem(503, 'Kafka is not responding.', 'kafka_unavailable'), /There is no plan\. Kafka is not/],
    ['with HTML', () => new Response('<html>', { status: 200 }), /There is no plan\. The API’s response is not JSON/],
    ['with nothing', () => new Response('', { status: 500 }), /There is no plan\. The API returned status 500/],
    ['with half a plan', () => jsonResponse({ plan_id: 'x' }), /There is no plan\. The API sent an unexpected response: plan\.files/],
  ])('says why there is none when the API answers %s', async (_, answer, said) => {
    api.changed = answer
    const user = await showPage('/replays')
    await user.click(await button('Show the plan'))
    expect(await screen.findByText(said)).toBeDefined()
  })
})

describe('starting a replay', () => {
  async function planned(answer: () => Response) {
    let plans = 0
    // Each plan has another id, because it says when it was made.
    const next = () => planJson((plans += 1) === 1 ? {} : { plan_id: `plan-${plans}` })
    api.changed = (path) => (path.endsWith('/plan') ? jsonResponse(next()) : answer())
    const user = await showPage('/replays')
    await user.click(await button('Show the plan'))
    await user.click(await button('Start the replay'))
    expect(await screen.findByText('Give the replay a name and a reason.')).toBeDefined()
    await user.type(screen.getByLabelText('Name'), 'outage')
    await user.type(screen.getByLabelText('Why it is needed'), 'The store was full.')
    return user
  }

  it('sends the plan that was shown, once, and goes to its page', async () => {
    const user = await planned(() => {
      api.replays = [replayJson()]
      return jsonResponse({ replay_id: 'replay-1' }, 202)
    })
    await user.type(screen.getByLabelText('Most files per second'), '50')
    await user.click(await button('Start the replay'))
    expect(await screen.findByRole('heading', { name: 'outage' })).toBeDefined()
    expect(window.location.pathname).toBe('/replays/replay-1')
    const [, start] = api.asked.filter(({ method }) => method === 'POST')
    const body = { plan_id: planJson()['plan_id'], name: 'outage', why: 'The store was full.', files_per_second: 50 }
    expect([start?.path, start?.body]).toEqual(['/api/replays', body])
    expect(start?.key).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('refuses a rate that is none', async () => {
    const user = await planned(() => problem(400, 'No.'))
    await user.type(screen.getByLabelText('Most files per second'), 'fast')
    await user.click(await button('Start the replay'))
    expect(await screen.findByText(/must be a whole number/)).toBeDefined()
    expect(sent('POST')).toHaveLength(1)
  })

  it('explains a plan that went stale, and makes it again', async () => {
    const user = await planned(() => problem(409, 'The log no longer holds the planned records.', 'plan_expired'))
    await user.click(await button('Start the replay'))
    expect(await screen.findByText(/This plan can no longer be started\. The log no longer holds/)).toBeDefined()
    await user.click(await button('Make the plan again'))
    await waitFor(() => expect(sent('POST').filter(([path]) => path === '/api/replays/plan')).toHaveLength(2))
    // What was typed is still there.
    expect(await screen.findByLabelText('Name')).toHaveProperty('value', 'outage')
    await button('Start the replay')
  })

  it('with the same key after a lost response', async () => {
    const user = await planned(() => new Response('', { status: 502 }))
    await user.click(await button('Start the replay'))
    expect(await screen.findByText(/may or may not have been started/)).toBeDefined()
    await user.click(await button('Start the replay'))
    await waitFor(() => expect(sent('POST')).toHaveLength(3))
    const [, first, second] = api.asked.filter(({ method }) => method === 'POST')
    expect(first?.key).toBe(second?.key)
  })
})

describe('a replay', () => {
  it('is watched by the stream, without polling', async () => {
    vi.useFakeTimers()
    api.imports = [importJson()]
    api.replays = [replayJson()]
    await showPage('/replays/replay-1')
    await pass(20)
    expect(screen.getByRole('link', { name: 'Holidays' }).getAttribute('href')).toBe('/imports/job-1')
    expect(screen.getByTestId('equation').textContent).toBe('100 selected = 40 stored + 0 unchanged + 1 failed + 59 pending')
    expect(screen.getByText('late.jpg')).toBeDefined()
    expect(screen.getByText('41 %')).toBeDefined()
    const asked = api.count('GET', '/api/replays/replay-1')
    await pass(60_000)
    expect(api.count('GET', '/api/replays/replay-1')).toBe(asked)
    const done = replayJson({ state: 'completed', stored: 99, pending: 0, pending_files: [], updated_at: '2026-11-23T10:00:20Z' })
    api.replays = [done]
    api.streams.at(-1)?.event('replay', done)
    await pass(20)
    expect(screen.getByText('Completed')).toBeDefined()
    expect(screen.getByText('outage: Completed.')).toBeDefined()
    await pass(3_000)
    expect(api.count('GET', '/api/replays/replay-1')).toBe(asked + 1)
    expect(screen.queryByText('late.jpg')).toBeNull()
  })

  it('is paused, resumed, made slower and cancelled', async () => {
    const become = (changes: Json) => {
      api.replays = [replayJson({ ...api.replays[0], ...changes })]
      return jsonResponse(api.replays[0], 202)
    }
    api.replays = [replayJson()]
    const states = { pause: 'paused', resume: 'running', cancel: 'cancelled' }
    api.changed = (path, body) => {
      const state = Object.entries(states).find(([word]) => path.endsWith(word))?.[1]
      return become(state === undefined ? (body as Json) : { state })
    }
    const user = await showPage('/replays/replay-1')
    await user.click(await button('Pause'))
    await user.click(await button('Resume'))
    await user.type(await screen.findByLabelText('Files per second'), '25')
    await user.click(await button('Change'))
    expect(await screen.findByText('At most 25 files per second from now on.')).toBeDefined()
    await user.click(await button('Cancel…'))
    await user.click(await button('Cancel the replay'))
    expect(await screen.findByText('Cancelled')).toBeDefined()
    expect(screen.queryByRole('button', { name: 'Pause' })).toBeNull()
    expect(api.asked.filter(({ method }) => method !== 'GET').map(({ method, path, body }) => [method, path, body])).toEqual([
      ['POST', '/api/replays/replay-1/pause', null],
      ['POST', '/api/replays/replay-1/resume', null],
      ['PATCH', '/api/replays/replay-1', { files_per_second: 25 }],
      ['POST', '/api/replays/replay-1/cancel', null],
    ])
  })

  it('says why a button did not work, and what is unknown', async () => {
    api.replays = [replayJson()]
    api.changed = () => problem(409, 'It has ended.', 'replay_ended')
    const user = await showPage('/replays/replay-1')
    await user.click(await button('Pause'))
    expect(await screen.findByText('This replay has ended.')).toBeDefined()
  })

  it('that nobody knows is named', async () => {
    await showPage('/replays/replay-9')
    expect((await screen.findByRole('alert')).textContent).toContain('There is no replay replay-9.')
  })

  it('is listed, with its name as it is', async () => {
    const name = `<b>outage</b>${'x'.repeat(5_000)}`
    api.replays = [replayJson({ name, state: 'never-heard' }), replayJson({ id: 'replay-0', state: 'completed' })]
    await showPage('/replays')
    expect(await screen.findByText(name)).toBeDefined()
    expect(screen.getByText('never-heard')).toBeDefined()
    expect(screen.getAllByText('100 files, 1 failed, 59 to go')).toHaveLength(2)
  })
})

describe('what is asked for', () => {
  const choice = { what: 'failed', imports: [], reasons: [], hours: 0, force: false } as const
  const now = Date.parse('2026-11-23T10:00:00Z')

  it.each([
    [{ what: 'missing' as const }, { mode: 'missing', select: { outcomes: ['none'] } }],
    [{ imports: ['a', 'b'] }, { mode: 'failed', select: { imports: ['a', 'b'] } }],
    [{ reasons: ['gone'] }, { mode: 'failed', select: { reasons: ['gone'] } }],
    [{ what: 'all' as const, reasons: ['gone'], imports: ['a'] }, { mode: 'all', select: { imports: ['a'] } }],
    [{ hours: 24 }, { mode: 'failed', select: { outcomes: ['failed'], since: '2026-11-22T10:00:00.000Z' } }],
    [
      { what: 'all' as const, force: true },
      { mode: 'all', select: { outcomes: ['stored', 'unchanged', 'failed', 'none'] }, transfer: 'force' },
    ],
    [{ what: 'dead_letters' as const, imports: ['a'] }, { mode: 'all', select: { dead_letters: true, imports: ['a'] } }],
    [{ force: true }, { mode: 'failed', select: { outcomes: ['failed'] } }],
  ])('always has a filter (%#)', (changes, request) => {
    expect(planRequest({ ...choice, ...changes }, now)).toEqual(request)
  })

  it('is the same as a command', () => {
    const request = planRequest({ ...choice, imports: ["it's"], reasons: ['gone', 'busy'], hours: 1 }, now)
    const plan = planCommand(request, { url: 'http://api', withKey: false })
    const words = execFileSync('/bin/sh', ['-c', `printf '%s\n' ${plan.drivestream ?? ''}`], { encoding: 'utf8' }).split('\n')
    const options = ['--mode=failed', "--import=it's", '--reason=gone', '--reason=busy', '--since=2026-11-23T09:00:00.000Z']
    expect(words).toEqual(['drivestream', 'replay', 'plan', ...options, '--api', 'http://api', ''])
    expect(plan.curl).toContain('http://api/replays/plan')
  })

  it('is read from a URL, whatever that holds', () => {
    expect(replaysSearch({ what: 'odd', imports: 'x', reasons: ['Not a code', 7] })).toEqual({})
    expect(replaysSearch({ reasons: ['gone'] })).toEqual({ reasons: ['gone'] })
    expect(replaysSearch({ what: 'all', imports: ['a', 7, '', 'x'.repeat(300)] })).toEqual({ what: 'all', imports: ['a'] })
    expect(replaysSearch({ imports: Array.from({ length: 2_000 }, (_, n) => `id-${n}`) }).imports).toHaveLength(1_000)
  })

  it('is counted only as far as it is known', () => {
    const one = parseReplayReport(replayJson())
    expect(percentDone(one, one.parts)).toBe(41)
    expect(percentDone(one, [{ partition: 0, offset: 1, end: 9, readAt: null, done: false }])).toBeNull()
    expect(percentDone({ ...one, state: 'planned' }, one.parts)).toBeNull()
    expect(['', ' 5 ', '0', '1.5', 'x', '1e9'].map(rateOf)).toEqual([null, 5, undefined, undefined, undefined, undefined])
    expect(replayState('toString')).toEqual({ label: 'toString', tone: 'quiet' })
    expect(() => parsePlan(planJson({ seconds: 'soon' }))).toThrow('plan.seconds')
  })
})
