import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it } from 'vitest'
import { parseJourney } from '../src/api/parse'
import { answerWords, lasted, outcomeName, placeName, systemName } from '../src/imports/journey'
import { fileJson, importJson, outcomeJson, pictureJson } from './builders'
import { FakeApi, jsonResponse, problem } from './fakeApi'
import { showImport, showPage } from './showPage'

const PLACE = { topic: 'files.found', partition: 3, offset: 1200 }
const JOURNEY = {
  ...fileJson({ path: 'Holidays/2026', state: 'stored' }),
  sha256: 'aabbcc',
  md5: null,
  drive_version: 7,
  found: { at: '2026-11-23T10:00:01Z', place: PLACE },
  outcomes: [
    outcomeJson({
      state: 'failed',
      reason: 'store_full',
      message: 'The disk is full.',
      tries: [{ system: 'drive', at: '2026-11-23T10:00:02Z', seconds: 0.25, answer: 'ok' }],
    }),
    outcomeJson({ round: 4, place: { topic: 'files.stored', partition: 0, offset: 9 } }),
  ],
  complete: true,
  why_incomplete: null,
}
const PATH = '/api/imports/job-1/files/file-1'

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
  api.imports = [importJson({ failures: { store_full: 12 } })]
  api.files = [fileJson({ reason: 'store_full' })]
})

const button = (name: string) => screen.findByRole('button', { name })

describe('the history of a file', () => {
  it('groups calls that went the same way, and compresses long gaps', async () => {
    const failing = [0, 5, 15].map((at) => ({
      system: 'drive',
      at: new Date(Date.parse('2026-11-23T10:00:02Z') + at * 1_000).toISOString(),
      seconds: 0.5,
      answer: 'store_full',
    }))
    const late = { system: 'drive', at: '2026-11-23T12:00:00Z', seconds: 0.25, answer: 'ok' }
    const outcomes = [
      outcomeJson({ state: 'failed', at: '2026-11-23T10:00:20Z', tries: failing }),
      outcomeJson({ round: 1, at: '2026-11-23T12:00:01Z', place: { topic: 'files.stored', partition: 0, offset: 9 }, tries: [late] }),
    ]
    api.fault = (path) => (path === PATH ? jsonResponse({ ...JOURNEY, outcomes }) : null)
    const user = await showImport()
    await user.click(await button('History of one.jpg'))
    const dialog = screen.getByRole('dialog')
    expect(await within(dialog).findByText('(3 times, 2 s in all)')).toBeDefined()
    expect(within(dialog).getByText('1 h 59 min later')).toBeDefined()
    expect(within(dialog).getByText(/^2 rounds with 4 recorded calls\. The last result came 2 h/)).toBeDefined()
    expect(within(dialog).getByText('curl http://localhost:3000/api/imports/job-1/files/file-1')).toBeDefined()
  })

  it('tells how it was found, what was tried, and what came of it', async () => {
    api.fault = (path) => (path === PATH ? jsonResponse(JOURNEY) : null)
    const user = await showImport()
    const history = await button('History of one.jpg')
    expect(api.count('GET', PATH)).toBe(0)
    await user.click(history)
    const dialog = screen.getByRole('dialog', { name: 'History of one.jpg' })
    await within(dialog).findByText('Found in Drive')
    expect(within(dialog).getByText('files.found, partition 3, offset 1,200')).toBeDefined()
    expect(within(dialog).getByText('in Holidays/2026')).toBeDefined()
    expect(within(dialog).getByText(/Google Drive: done/).textContent).toContain('(250 ms)')
    const steps = within(dialog).getByText('The disk is full.').closest('ol')?.querySelectorAll('b') ?? []
    expect(Array.from(steps, ({ textContent }) => textContent)).toEqual(['Found in Drive', 'Failed', 'Stored on retry'])
    expect(within(dialog).getByText('aabbcc')).toBeDefined()
    await user.click(within(dialog).getByRole('button', { name: 'Close' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  })

  it('says what is missing, and that nothing has come of it yet', async () => {
    const early = { ...JOURNEY, state: 'pending', found: null, outcomes: [], why_incomplete: 'Kafka did not answer.' }
    api.fault = (path) => (path === PATH ? jsonResponse(early) : null)
    const user = await showImport()
    await user.click(await button('History of one.jpg'))
    expect(await screen.findByText('Kafka did not answer.')).toBeDefined()
    expect(screen.getByText('Not tried yet')).toBeDefined()
  })

  it('can be requested again after an error', async () => {
    api.fault = (path) => (path === PATH ? problem(404, 'This import has found no file with this id.') : null)
    const user = await showImport()
    await user.click(await button('History of one.jpg'))
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('The history could not be loaded. This import has found no file with this id.')
    api.fault = (path) => (path === PATH ? jsonResponse(JOURNEY) : null)
    await user.click(within(alert).getByRole('button', { name: 'Try again' }))
    expect(await screen.findByText('Found in Drive')).toBeDefined()
  })

  it('opens above a picture, where the arrow keys do not turn to the next one', async () => {
    api.pictures = ['one', 'two'].map((name, id) => pictureJson({ id, name: `${name}.jpg`, google_drive_id: name }))
    api.fault = (path) => (path === '/api/imports/job-1/files/one' ? jsonResponse(JOURNEY) : null)
    const user = await showPage('/imports/job-1/gallery?image=one')
    await user.click(within(await screen.findByRole('dialog', { name: 'one.jpg' })).getByRole('button', { name: 'History of one.jpg' }))
    await screen.findByText('Found in Drive')
    fireEvent.keyDown(screen.getByText('Found in Drive'), { key: 'ArrowRight' })
    expect(screen.getByRole('dialog', { name: 'one.jpg' })).toBeDefined()
  })
})

describe('its words', () => {
  it.each([
    [0.0004, '0 ms'],
    [0.9994, '999 ms'],
    [0.9996, '1 s'],
    [75, '1 min 15 s'],
  ])('tell how long a call took: %d s', (seconds, words) => {
    expect(lasted(seconds)).toBe(words)
  })

  it('show what they do not know unchanged', () => {
    expect([systemName('store'), systemName('tape')]).toEqual(['Storage', 'tape'])
    expect([answerWords('ok'), answerWords('store_full'), answerWords('new_code')]).toEqual(['done', 'the storage is full', 'new_code'])
  })

  it('tell a first outcome from a retry and a replay', () => {
    const [first, second] = parseJourney(JOURNEY).outcomes
    if (first === undefined || second === undefined) throw new Error('no outcomes')
    expect([outcomeName(first, true), outcomeName(second, false)]).toEqual(['Failed', 'Stored on retry'])
    expect(outcomeName({ ...second, replayId: 'replay-1' }, false)).toBe('Stored by a replay')
    expect(placeName(second.place)).toBe('files.stored, partition 0, offset 9')
  })
})
