import { onlineManager } from '@tanstack/react-query'
import { fireEvent, screen, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { importJson } from './builders'
import { FakeApi } from './fakeApi'
import { pass, setVisible, showPage } from './showPage'

const IMPORTS = ['GET', '/api/imports'] as const
const RUNNING = importJson({ state: 'transferring', found: 100, stored: 40, failed: 0, pending: 60, finished_at: null })

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
})

describe('the page', () => {
  it('says what to do before the first import', async () => {
    showPage()
    expect(screen.getByText('Loading the imports…')).toBeDefined()
    expect(await screen.findByRole('heading', { name: 'Nothing imported yet' })).toBeDefined()
  })

  it('shows the newest import, and keeps showing it when another one starts', async () => {
    vi.useFakeTimers()
    api.imports = [importJson({ name: 'alpha' })]
    showPage()
    await pass(10)
    api.imports = [importJson({ id: 'job-2', name: 'beta' }), ...api.imports]
    await pass(13_000)
    expect(screen.getAllByRole('link', { name: /alpha|beta/ })).toHaveLength(2)
    expect(screen.getByRole('article', { name: 'alpha' })).toBeDefined()
  })

  it('shows the import in the address, and follows the Back button', async () => {
    api.imports = [importJson({ name: 'newest' }), importJson({ id: 'job-2', name: 'second' })]
    const user = showPage('/?import=job-2')
    expect(await screen.findByRole('heading', { name: /second/ })).toBeDefined()
    await user.click(screen.getByRole('link', { name: /newest/ }))
    expect(await screen.findByRole('heading', { name: /newest/ })).toBeDefined()
    expect(window.location.search).toBe('?import=job-1')
    window.history.back()
    expect(await screen.findByRole('heading', { name: /second/ })).toBeDefined()
  })

  it('names an import by a short id until the name of its folder is known', async () => {
    vi.useFakeTimers()
    const early = { name: null, folder_id: '1AbCdEfGhIjKlMnOpQrStUv' }
    api.imports = [importJson(early), importJson({ id: '0a1b2c3d-4e5f-6789', name: null, folder_id: null })]
    showPage()
    await pass(20)
    expect(screen.getByRole('heading', { name: 'Folder 1AbCdEfG…' })).toBeDefined()
    expect(screen.getByRole('link', { name: /Import 0a1b2c3d…/ })).toBeDefined()
    expect(document.title).toBe('Folder 1AbCdEfG… – Drivestream')
    api.imports = [importJson({ ...early, name: 'Holidays 2026' })]
    await pass(13_000)
    expect(screen.getByRole('heading', { name: 'Holidays 2026' })).toBeDefined()
    expect(document.title).toBe('Holidays 2026 – Drivestream')
    expect(screen.queryByText(/1AbCdEfG/)).toBeNull()
  })

  it('moves the focus to the selected report', async () => {
    api.imports = [importJson({ name: 'newest' }), importJson({ id: 'job-2', name: 'second' })]
    const user = showPage()
    await user.click(await screen.findByRole('link', { name: /second/ }))
    expect(document.activeElement).toBe(screen.getByRole('heading', { name: /second/ }))
  })

  it('leaves a click with a modifier key to the browser', async () => {
    api.imports = [importJson({ name: 'newest' }), importJson({ id: 'job-2', name: 'second' })]
    showPage()
    const other = await screen.findByRole('link', { name: /second/ })
    expect(other.getAttribute('href')).toBe('?import=job-2')
    let left = false
    window.addEventListener('click', notice)
    fireEvent.click(other, { ctrlKey: true })
    window.removeEventListener('click', notice)
    expect(left).toBe(true)
    expect(window.location.search).toBe('')

    function notice(event: Event) {
      left = !event.defaultPrevented
      event.preventDefault()
    }
  })

  it('retries before it says that an import does not exist', async () => {
    vi.useFakeTimers()
    showPage('/?import=job-9')
    await pass(1_500)
    expect(screen.queryByRole('alert')).toBeNull()
    await pass(3_000)
    expect(screen.getByRole('alert').textContent).toContain('There is no import job-9')
  })

  it('finds an import that appears a moment later', async () => {
    vi.useFakeTimers()
    showPage('/?import=job-1')
    await pass(100)
    api.imports = [importJson({ name: 'late' })]
    await pass(1_500)
    expect(screen.getByRole('heading', { name: /late/ })).toBeDefined()
  })

  it('lists six imports, and all of them on request', async () => {
    api.imports = Array.from({ length: 9 }, (_, n) => importJson({ id: `job-${n}`, name: `folder-${n}` }))
    const user = showPage('/?import=job-8')
    const list = await screen.findByRole('navigation', { name: /Imports/ })
    expect(within(list).getAllByRole('listitem')).toHaveLength(7)
    await user.click(within(list).getByRole('button', { name: 'Show all 9' }))
    expect(within(list).getAllByRole('listitem')).toHaveLength(9)
  })

  it('reaches the oldest import', async () => {
    api.imports = Array.from({ length: 250 }, (_, n) => importJson({ id: `job-${n}`, name: `folder-${n}` }))
    const user = showPage()
    const list = await screen.findByRole('navigation', { name: 'Imports 100+' })
    await user.click(within(list).getByText('Show all 100+'))
    await user.click(within(list).getByText('Show older'))
    await user.click(await within(list).findByText('Show older'))
    expect(await within(list).findByText('folder-249')).toBeDefined()
    expect(list.querySelector('button')).toBeNull()
  })
})

describe('polling', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })

  it('happens once a second while an import runs', async () => {
    api.imports = [RUNNING]
    showPage()
    await pass(20)
    await pass(10_000)
    expect(api.count(...IMPORTS)).toBe(11)
    const paths = new Set(api.asked.map(({ path }) => path))
    for (const path of paths) expect(api.count('GET', path)).toBeLessThanOrEqual(11)
  })

  it('slows down when all imports have ended', async () => {
    api.imports = [importJson()]
    showPage()
    await pass(60_000)
    expect(api.count(...IMPORTS)).toBeLessThanOrEqual(6)
    expect(api.asked.length - api.count(...IMPORTS)).toBeLessThanOrEqual(2)
  })

  it('stops while the tab is hidden, and resumes when it is shown', async () => {
    api.imports = [RUNNING]
    showPage()
    await pass(20)
    setVisible(false)
    await pass(1_000)
    const before = api.asked.length
    await pass(30_000)
    expect(api.asked.length).toBe(before)
    setVisible(true)
    await pass(20)
    expect(api.asked.length).toBeGreaterThan(before)
  })

  it('continues when the browser is offline, because the API may run on this machine', async () => {
    onlineManager.setOnline(false)
    showPage()
    await pass(100)
    onlineManager.setOnline(true)
    expect(screen.getByRole('heading', { name: 'Nothing imported yet' })).toBeDefined()
  })

  it('says that the API is down, keeps the last content, and recovers by itself', async () => {
    api.imports = [RUNNING]
    showPage()
    await pass(20)
    api.fault = () => new TypeError('Failed to fetch')
    await pass(1_500)
    expect(screen.getByText('The API is not responding.')).toBeDefined()
    expect(screen.getByTestId('equation').textContent).toContain('100 found')
    api.fault = null
    api.imports = [{ ...RUNNING, stored: 50, pending: 50 }]
    await pass(3_500)
    expect(screen.queryByText('The API is not responding.')).toBeNull()
    expect(screen.getByTestId('equation').textContent).toContain('50 stored')
  })

  it('recovers when the API was down from the start', async () => {
    api.fault = () => new Response('', { status: 502 })
    showPage()
    await pass(100)
    expect(screen.getByText(/There is nothing to show yet/)).toBeDefined()
    api.fault = null
    await pass(3_500)
    expect(screen.getByRole('heading', { name: 'Nothing imported yet' })).toBeDefined()
  })

  it('names the field of an unexpected response', async () => {
    api.imports = [importJson({ found: 'many' })]
    showPage()
    await pass(100)
    expect(screen.getAllByText(/imports\[0\]\.found should be a whole number/).length).toBeGreaterThan(0)
  })
})
