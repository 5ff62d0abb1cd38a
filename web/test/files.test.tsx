import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it } from 'vitest'
import { fileJson, importJson } from './builders'
import { FakeApi } from './fakeApi'
import { showImport, showPage } from './showPage'

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
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
