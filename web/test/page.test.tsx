import { onlineManager } from '@tanstack/react-query'
import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { chooseLanguage } from '../src/text/language'
import { importJson } from './builders'
import { FakeApi } from './fakeApi'
import { pass, setVisible, showImport, showPage } from './showPage'

const RUNNING = importJson({ state: 'transferring', found: 100, stored: 40, failed: 0, pending: 60, finished_at: null })

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
})

describe('the page', () => {
  it('says what to do before the first import', async () => {
    await showPage()
    expect(screen.getByText('Loading the imports…')).toBeDefined()
    expect(await screen.findByRole('heading', { name: 'Nothing imported yet' })).toBeDefined()
  })

  it('lists a new import as soon as it is known', async () => {
    vi.useFakeTimers()
    api.imports = [importJson({ name: 'alpha' })]
    await showPage()
    await pass(10)
    api.imports = [importJson({ id: 'job-2', name: 'beta' }), ...api.imports]
    await pass(500)
    const names = screen.getAllByRole('link', { name: /alpha|beta/ }).map(({ textContent }) => textContent)
    expect(names).toEqual([expect.stringContaining('beta'), expect.stringContaining('alpha')])
  })

  it('has a URL for each import, and follows the Back button', async () => {
    api.imports = [importJson({ name: 'newest' }), importJson({ id: 'job-2', name: 'second' })]
    const user = await showPage()
    await user.click(await screen.findByRole('link', { name: /newest/ }))
    const heading = await screen.findByRole('heading', { name: /newest/ })
    await waitFor(() => expect(document.activeElement).toBe(heading))
    expect(window.location.pathname).toBe('/imports/job-1')
    window.history.back()
    await user.click(await screen.findByRole('link', { name: /second/ }))
    expect(await screen.findByRole('heading', { name: /second/ })).toBeDefined()
  })

  it('still opens URLs from before each import had a page', async () => {
    api.imports = [importJson({ name: 'newest' }), importJson({ id: 'job-2', name: 'second' })]
    await showPage('/?import=job-2')
    expect(await screen.findByRole('heading', { name: /second/ })).toBeDefined()
    expect(window.location.pathname + window.location.search).toBe('/imports/job-2')
  })

  it('says so where there is no page', async () => {
    await showPage('/nowhere')
    expect(screen.getByRole('heading', { name: 'Page not found' })).toBeDefined()
    expect(document.title).toBe('Page not found – Drivestream')
  })

  it('names an import by a short id until the name of its folder is known', async () => {
    vi.useFakeTimers()
    const early = { name: null, folder_id: '1AbCdEfGhIjKlMnOpQrStUv' }
    api.imports = [importJson(early)]
    await showImport()
    await pass(20)
    expect(screen.getByRole('heading', { name: 'Folder 1AbCdEfG…' })).toBeDefined()
    expect(document.title).toBe('Folder 1AbCdEfG… – Drivestream')
    api.imports = [importJson({ ...early, name: 'Holidays 2026' })]
    await pass(500)
    expect(screen.getByRole('heading', { name: 'Holidays 2026' })).toBeDefined()
    expect(document.title).toBe('Holidays 2026 – Drivestream')
    expect(screen.queryByText(/1AbCdEfG/)).toBeNull()
  })

  it.each([
    ['nothing', () => new TypeError('Failed to fetch'), 'Die Angaben zum System konnten nicht geladen werden. Die API ist nicht erreichbar.'],
    ['a title', () => new Response('{"title": "Oops"}', { status: 500, headers: { 'content-type': 'application/json' } }), 'Keine Live-Aktualisierung: Oops.'],
  ])('says in the reader’s language what is wrong with an API that answers %s', async (_what, fault, said) => {
    await chooseLanguage('de')
    onTestFinished(() => chooseLanguage('en'))
    api.fault = fault
    await showPage('/flow')
    expect(await screen.findByText(said)).toBeDefined()
  })

  it('retries before it says that an import does not exist', async () => {
    vi.useFakeTimers()
    await showPage('/imports/job-9')
    await pass(1_500)
    expect(screen.queryByRole('alert')).toBeNull()
    await pass(3_000)
    expect(screen.getByRole('alert').textContent).toContain('There is no import job-9')
  })

  it('finds an import that appears a moment later', async () => {
    vi.useFakeTimers()
    await showPage('/imports/job-1')
    await pass(100)
    api.imports = [importJson({ name: 'late' })]
    await pass(1_500)
    expect(screen.getByRole('heading', { name: /late/ })).toBeDefined()
  })

  it('lists six imports, and all of them on request', async () => {
    api.imports = Array.from({ length: 9 }, (_, n) => importJson({ id: `job-${n}`, name: `folder-${n}` }))
    const user = await showPage()
    const list = await screen.findByRole('navigation', { name: /Imports/ })
    expect(within(list).getAllByRole('listitem')).toHaveLength(6)
    await user.click(within(list).getByRole('button', { name: 'Show all 9' }))
    expect(within(list).getAllByRole('listitem')).toHaveLength(9)
  })

  it('reaches the oldest import', async () => {
    api.imports = Array.from({ length: 250 }, (_, n) => importJson({ id: `job-${n}`, name: `folder-${n}` }))
    const user = await showPage()
    const list = await screen.findByRole('navigation', { name: 'Imports 100+' })
    await user.click(within(list).getByText('Show all 100+'))
    await user.click(within(list).getByText('Show older'))
    await user.click(await within(list).findByText('Show older'))
    expect(await within(list).findByText('folder-249')).toBeDefined()
    expect(list.querySelector('button')).toBeNull()
  })
})

describe('the event stream', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })

  it('is all that an idle page asks for', async () => {
    api.imports = [RUNNING]
    await showImport()
    await pass(100)
    const asked = api.asked.length
    expect(api.count('GET', '/api/imports/job-1/events')).toBe(1)
    await pass(120_000)
    expect(api.asked.length).toBe(asked)
  })

  it('is one, whatever page is shown', async () => {
    api.imports = [RUNNING]
    await showPage()
    await pass(100)
    screen.getByRole('link', { name: /Holidays/ }).click()
    await pass(500)
    expect(api.streams).toHaveLength(2)
    api.imports = [{ ...RUNNING, stored: 70, pending: 30 }]
    await pass(500)
    expect(screen.getByTestId('equation').textContent).toContain('70 stored')
    expect(api.asked.filter(({ path }) => path.endsWith('/events')).map(({ path }) => path)).toEqual([
      '/api/events',
      '/api/imports/job-1/events',
    ])
  })

  it('ends a while after the tab is hidden, and begins again when it is shown', async () => {
    api.imports = [RUNNING]
    await showImport()
    await pass(100)
    setVisible(false)
    await pass(60_000)
    api.imports = [{ ...RUNNING, stored: 99, pending: 1 }]
    await pass(60_000)
    expect(api.streams).toHaveLength(1)
    expect(screen.getByTestId('equation').textContent).toContain('40 stored')
    setVisible(true)
    await pass(100)
    expect(api.streams).toHaveLength(2)
    expect(screen.getByTestId('equation').textContent).toContain('99 stored')
  })

  it('is opened while the browser is offline, because the API may run on this machine', async () => {
    onlineManager.setOnline(false)
    await showPage()
    await pass(100)
    onlineManager.setOnline(true)
    expect(screen.getByRole('heading', { name: 'Nothing imported yet' })).toBeDefined()
  })

  it('says that the API is down, keeps the last content, and recovers by itself', async () => {
    api.imports = [RUNNING]
    await showImport()
    await pass(100)
    api.goDown()
    await pass(1_500)
    expect(screen.getByText('The API is not responding.')).toBeDefined()
    expect(screen.getByTestId('equation').textContent).toContain('100 found')
    api.fault = null
    api.imports = [{ ...RUNNING, stored: 50, pending: 50 }]
    await pass(8_500)
    expect(screen.queryByText('The API is not responding.')).toBeNull()
    expect(screen.getByTestId('equation').textContent).toContain('50 stored')
  })

  it('says nothing of an API that is back within a second', async () => {
    api.imports = [RUNNING]
    await showImport()
    await pass(100)
    api.streams[0]?.end()
    await pass(200)
    expect(screen.queryByText('The API is not responding.')).toBeNull()
    api.imports = [{ ...RUNNING, stored: 50, pending: 50 }]
    await pass(1_000)
    expect(screen.getByTestId('equation').textContent).toContain('50 stored')
  })

  it('is opened again when it stops without an end', async () => {
    api.imports = [RUNNING]
    await showImport()
    await pass(100)
    api.streams[0]?.freeze()
    api.imports = [{ ...RUNNING, stored: 50, pending: 50 }]
    await pass(39_000)
    expect(api.streams).toHaveLength(1)
    await pass(10_000)
    expect(api.streams).toHaveLength(2)
    expect(screen.getByTestId('equation').textContent).toContain('50 stored')
  })

  it('is opened again when it stops and the clock is put back an hour', async () => {
    api.imports = [RUNNING]
    await showImport()
    await pass(100)
    api.streams[0]?.freeze()
    vi.setSystemTime(Date.now() - 3_600_000)
    await pass(50_000)
    expect(api.streams).toHaveLength(2)
  })

  it('is opened again at once after the computer slept', async () => {
    api.imports = [RUNNING]
    await showImport()
    await pass(100)
    api.streams[0]?.freeze()
    api.imports = [{ ...RUNNING, stored: 50, pending: 50 }]
    vi.setSystemTime(Date.now() + 8 * 3_600_000)
    setVisible(true)
    await pass(100)
    expect(screen.getByTestId('equation').textContent).toContain('50 stored')
  })

  it('recovers when the API was down from the start', async () => {
    api.fault = () => new Response('', { status: 502 })
    await showPage()
    await pass(100)
    expect(screen.getByText(/There is nothing to show yet/)).toBeDefined()
    api.fault = null
    await pass(3_500)
    expect(screen.getByRole('heading', { name: 'Nothing imported yet' })).toBeDefined()
  })

  it('says what troubles the API, until the next snapshot', async () => {
    api.imports = [RUNNING]
    await showImport()
    await pass(100)
    api.streams[0]?.event('trouble', { code: 'database_unavailable', detail: 'The database is not responding.' })
    await pass(10)
    expect(screen.getByText('No live updates: The database is not responding.')).toBeDefined()
    api.streams[0]?.event('snapshot', RUNNING)
    await pass(10)
    expect(screen.queryByText(/No live updates/)).toBeNull()
    expect(api.streams).toHaveLength(1)
  })

  it.each([
    ['that is not JSON', '{"id":', /is not JSON/],
    ['of a wrong shape', '{"id":"job-1","found":"many"}', /import\.state should be text/],
  ])('names what is wrong with an event %s, and keeps the last content', async (_, data, words) => {
    api.imports = [RUNNING]
    await showImport()
    await pass(100)
    api.streams[0]?.send(`event: import\ndata: ${data}\n\n`)
    await pass(10)
    expect(screen.getByText(words)).toBeDefined()
    expect(screen.getByTestId('equation').textContent).toContain('40 stored')
  })

  it('names the field of an unexpected response', async () => {
    api.imports = [importJson({ found: 'many' })]
    await showPage()
    await pass(100)
    expect(screen.getAllByText(/imports\[0\]\.found should be a whole number/).length).toBeGreaterThan(0)
  })
})
