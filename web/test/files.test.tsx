import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { fileJson, importJson, pictureJson } from './builders'
import { FakeApi } from './fakeApi'
import { pass, showImport, showPage } from './showPage'

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
})

describe('the first images', () => {
  it('are shown as they come, from thumbnails, and lead to the gallery', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T10:00:10Z') })
    const running = { state: 'transferring', found: 40, stored: 0, failed: 0, pending: 40, finished_at: null }
    api.imports = [importJson(running)]
    await showImport()
    await pass(1_000)
    const asked = () => api.asked.filter(({ path }) => path.includes('limit=12')).length
    expect(asked()).toBe(0)
    api.pictures = Array.from({ length: 40 }, (_, n) => pictureJson({ id: n, google_drive_id: `drive-${n}`, name: `${n}.jpg` })).slice(0, 2)
    api.imports = [importJson({ ...running, stored: 2, pending: 38 })]
    await pass(500)
    const row = screen.getByRole('region', { name: 'The first images' })
    const sources = () => Array.from(row.querySelectorAll('img'), (image) => image.getAttribute('src'))
    expect(sources()).toEqual(['drive-0', 'drive-1'].map((id) => `/api/images/${id}/thumbnail?width=160`))
    const first = row.querySelector('img')
    if (first !== null) fireEvent.error(first)
    expect(within(row).getByText('JPEG')).toBeDefined()
    expect(within(row).getByRole('link', { name: 'See all 2 images' }).getAttribute('href')).toBe('/imports/job-1/gallery')
    api.pictures = Array.from({ length: 40 }, (_, n) => pictureJson({ id: n, google_drive_id: `drive-${n}`, name: `${n}.jpg` }))
    api.imports = [importJson({ ...running, stored: 30, pending: 10 })]
    await pass(1_000)
    expect(sources()).toHaveLength(11)
    const before = asked()
    // The row is full.
    api.imports = [importJson({ ...running, stored: 40, pending: 0 })]
    await pass(2_000)
    expect(asked()).toBe(before)
  })
})

describe('the list of files', () => {
  const files = (reason: string, count: number, message: (n: number) => string) =>
    Array.from({ length: count }, (_, n) =>
      fileJson({ google_drive_id: `${reason}-${n}`, name: `${reason} ${n}.jpg`, reason, message: message(n) }),
    )

  it('can be read to the last file', async () => {
    api.imports = [importJson({ failed: 150, stored: 2262, failures: { other: 150 } })]
    api.files = files('other', 150, (n) => `Sentence ${n}.`)
    const user = await showImport()
    expect(await screen.findByText('Show the first 20 files')).toBeDefined()
    await user.click(screen.getByRole('link', { name: 'List all 150 files' }))
    expect(window.location.search).toBe('?show=failed&reason=other')
    const list = await screen.findByRole('region', { name: 'Files' })
    expect(await within(list).findByText('other 0.jpg')).toBeDefined()
    expect(document.activeElement).toBe(within(list).getByRole('heading', { name: 'Files' }))
    // Only what is in sight is rendered.
    expect(within(list).getAllByRole('listitem').length).toBeLessThan(40)
    window.scrollY = 88 * 95
    document.dispatchEvent(new Event('scroll'))
    window.dispatchEvent(new Event('scroll'))
    expect(await within(list).findByText('other 99.jpg')).toBeDefined()
    await waitFor(() => expect(api.asked.filter(({ path }) => path.includes('reason=other'))).toHaveLength(2))
    window.scrollY = 88 * 145
    window.dispatchEvent(new Event('scroll'))
    expect(await within(list).findByText('other 149.jpg')).toBeDefined()
    window.scrollY = 0
  })

  it('is listed by the parts of the equation, and by the URL', async () => {
    api.imports = [importJson({ failures: { other: 12 } })]
    api.files = [fileJson({ state: 'stored', name: 'good.jpg', reason: null, message: null }), ...files('other', 1, () => 'No.')]
    const user = await showPage('/imports/job-1?show=nonsense')
    const equation = await screen.findByTestId('equation')
    expect(within(equation).queryByRole('link', { name: /unchanged/ })).toBeNull()
    await user.click(within(equation).getByRole('link', { name: '2,400 stored' }))
    expect(await screen.findByText('good.jpg')).toBeDefined()
    expect(window.location.search).toBe('?show=stored')
    expect(within(equation).getByRole('link', { name: '2,400 stored' }).getAttribute('aria-current')).toBe('page')
    await user.click(screen.getByRole('link', { name: 'Hide' }))
    await waitFor(() => expect(screen.queryByText('good.jpg')).toBeNull())
  })

  it('of 5,000 files is shown at once, whatever their names are', async () => {
    const name = `<img src=x onerror=alert(1)>\u202e${'x'.repeat(5_000)}.jpg`
    api.imports = [importJson({ failed: 5_000, stored: 0, found: 5_000, failures: { other: 5_000 } })]
    api.files = files('other', 5_000, () => 'The same sentence.').map((file) => ({ ...file, name }))
    await showPage('/imports/job-1?show=failed')
    const list = await screen.findByRole('region', { name: 'Files' })
    expect((await within(list).findAllByText(/^<img src=x/)).length).toBeLessThan(40)
    expect(screen.getByRole('button', { name: 'Try these 5,000 files again' })).toBeDefined()
    expect(document.querySelector('img[src=x]')).toBeNull()
    // One page for the groups, one for the list.
    expect(api.asked.filter(({ path }) => path.includes('/files?'))).toHaveLength(1)
  })
})
