import { screen, waitFor } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { fileJson, folderJson, importJson } from './builders'
import { FakeApi, jsonResponse, problem } from './fakeApi'
import { pass, showImport } from './showPage'

const ENDED = { state: 'completed_with_failures', failures: { store_full: 10, not_found: 2 } }

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
})

/** The API accepts a retry, and shows the import so from now on. */
function accept(files: number, folders: number, changes: Record<string, unknown>): Response {
  api.imports = [importJson(changes)]
  return jsonResponse({ files, folders, round: 1 }, 202)
}

const button = (name: string | RegExp) => screen.findByRole('button', { name })
const posts = () => api.asked.filter(({ method }) => method === 'POST').map(({ path, body }) => [path, body])

describe('trying again', () => {
  it('everything that failed, with the numbers on the button', async () => {
    api.imports = [importJson({ ...ENDED, folders_failed: 1, failed_folders: [folderJson()] })]
    api.changed = () => accept(12, 1, { ...ENDED, state: 'transferring', failed: 0, pending: 12, failures: {}, round: 1 })
    const user = await showImport()
    await user.click(await button('Try 12 files and 1 folder again'))
    expect(await screen.findByText('12 files and 1 folder are being tried again.')).toBeDefined()
    expect(posts()).toEqual([['/api/imports/job-1/retry', {}]])
    expect(await button('Pause')).toBeDefined()
    expect(screen.getAllByText('Trying again')).toHaveLength(2)
  })

  it('one group, which keeps its place until the import has ended', async () => {
    vi.useFakeTimers()
    api.imports = [importJson(ENDED)]
    const lasting = fileJson({ google_drive_id: 'lasting', reason: 'not_found', message: 'Not shared.' })
    const retried = fileJson({ google_drive_id: 'retried', reason: 'store_full', message: 'The disk is full.' })
    api.files = [lasting, retried]
    api.changed = () => {
      api.files = [lasting]
      return accept(10, 0, { state: 'transferring', failed: 2, pending: 10, failures: { not_found: 2 }, round: 1 })
    }
    await showImport()
    await pass(20)
    const groups = () => screen.getAllByRole('heading', { level: 4 }).map(({ textContent }) => textContent)
    expect(groups()).toEqual(['The storage is full 10 files', 'Not found or not shared 2 files'])
    const group = screen.getByRole('button', { name: 'Try these 10 files again' })
    group.focus()
    group.click()
    await pass(50)
    expect(posts()).toEqual([['/api/imports/job-1/retry', { reason: 'store_full' }]])
    expect(groups()).toEqual(['The storage is full Trying again', 'Not found or not shared 2 files'])
    expect(screen.getByText('The disk is full.')).toBeDefined()
    expect([group.textContent, document.activeElement]).toEqual(['Trying again…', group])
    api.imports = [importJson({ ...ENDED, failed: 2, failures: { not_found: 2 }, round: 1 })]
    await pass(1_000)
    expect(groups()).toEqual(['Not found or not shared 2 files'])
    expect(document.activeElement).toBe(screen.getByRole('heading', { name: 'What failed and why' }))
  })

  it('one group that fails again, which can be tried once more', async () => {
    vi.useFakeTimers()
    api.imports = [importJson({ ...ENDED, failures: { store_full: 12 } })]
    api.changed = () => accept(12, 0, { state: 'transferring', failed: 0, pending: 12, failures: {}, round: 1 })
    await showImport()
    await pass(20)
    screen.getByRole('button', { name: 'Try these 12 files again' }).click()
    await pass(50)
    api.imports = [importJson({ state: 'transferring', failed: 3, pending: 9, failures: { store_full: 3 }, round: 1 })]
    await pass(1_000)
    expect(screen.getByRole('button', { name: 'Try these 3 files again' }).getAttribute('aria-disabled')).toBe('false')
  })

  it('one group after another, of which the first does not come back', async () => {
    vi.useFakeTimers()
    api.imports = [importJson(ENDED)]
    api.changed = () => accept(10, 0, { state: 'transferring', failed: 2, pending: 10, failures: { not_found: 2 }, round: 1 })
    await showImport()
    await pass(20)
    screen.getByRole('button', { name: 'Try these 10 files again' }).click()
    await pass(50)
    api.imports = [importJson({ ...ENDED, failed: 2, failures: { not_found: 2 }, round: 1 })]
    await pass(1_000)
    api.changed = () => {
      api.imports = [importJson({ state: 'transferring', failed: 0, pending: 2, failures: {}, round: 2 })]
      return jsonResponse({ files: 2, folders: 0, round: 2 }, 202)
    }
    screen.getByRole('button', { name: 'Try these 2 files again' }).click()
    await pass(50)
    const groups = screen.getAllByRole('heading', { level: 4 }).map(({ textContent }) => textContent)
    expect(groups).toEqual(['Not found or not shared Trying again'])
  })

  it('one file, which keeps its place in the list and its button the focus', async () => {
    api.imports = [importJson({ ...ENDED, failed: 5, failures: { store_full: 3, not_found: 2 } })]
    const files = ['a', 'b', 'c'].map((id) => fileJson({ google_drive_id: id, name: `${id}.jpg`, reason: 'store_full' }))
    api.files = files
    api.changed = () => {
      api.files = files.filter(({ name }) => name !== 'b.jpg')
      return accept(1, 0, { state: 'transferring', failed: 3, pending: 2, failures: { store_full: 1, not_found: 2 }, round: 1 })
    }
    const user = await showImport()
    await user.click(await screen.findByText('Show 3 files'))
    await user.click(await button('Try again b.jpg'))
    expect(await screen.findByText('b.jpg: 1 file is being tried again.')).toBeDefined()
    expect(document.activeElement).toBe(await button('Trying again… b.jpg'))
    expect(screen.getAllByRole('listitem').map(({ textContent }) => textContent?.slice(0, 5))).toEqual(
      expect.arrayContaining(['a.jpg', 'b.jpg', 'c.jpg']),
    )
    const groups = screen.getAllByRole('heading', { level: 4 }).map(({ textContent }) => textContent)
    expect(groups).toEqual(['The storage is full 1 file', 'Not found or not shared 2 files'])
    expect(posts()).toEqual([['/api/imports/job-1/retry', { files: ['b'] }]])
  })

  it('one file, and says so also if that is over before the answer has come', async () => {
    api.imports = [importJson({ ...ENDED, failed: 2, failures: { store_full: 2 } })]
    api.files = [fileJson({ google_drive_id: 'a', name: 'a.jpg', reason: 'store_full' })]
    api.changed = () => accept(1, 0, { ...ENDED, stored: 1, failed: 1, failures: { store_full: 1 }, round: 1 })
    const user = await showImport()
    await user.click(await button('Try again a.jpg'))
    expect(await screen.findByText('a.jpg: 1 file is being tried again.')).toBeDefined()
    expect(await button('Try this file again')).toBeDefined()
  })

  it('one file, which is still there while only a part of the answers has come', async () => {
    vi.useFakeTimers()
    api.imports = [importJson({ ...ENDED, failed: 1, failures: { store_full: 1 } })]
    api.files = [fileJson({ reason: 'store_full' })]
    await showImport()
    await pass(20)
    const again = screen.getByRole('button', { name: 'Try again one.jpg' })
    const honest = globalThis.fetch
    vi.stubGlobal('fetch', async (path: string, request: RequestInit = {}) => {
      if (path === '/api/imports') await new Promise((resolve) => setTimeout(resolve, 500))
      return honest(path, request)
    })
    api.changed = () => {
      api.files = []
      return accept(1, 0, { state: 'transferring', failed: 0, pending: 1, failures: {}, round: 1 })
    }
    again.focus()
    again.click()
    await pass(100)
    expect(again.textContent).toBe('Trying again…')
    expect(document.activeElement).toBe(again)
    await pass(1_000)
    expect(document.activeElement).toBe(again)
  })

  it('one folder, or all that are named', async () => {
    const folders = [folderJson(), folderJson({ folder_id: 'sub-2', path: 'Other' })]
    api.imports = [importJson({ state: 'completed_with_failures', folders_failed: 2, failed_folders: folders })]
    api.changed = () =>
      accept(0, 1, { state: 'listing', folders_failed: 1, failed_folders: folders.slice(1), round: 1, finished_at: null })
    const user = await showImport()
    await user.click(await button('Try again Holidays/2026'))
    expect(await button('Trying again… Holidays/2026')).toBe(document.activeElement)
    api.imports = [importJson({ state: 'completed_with_failures', folders_failed: 2, failed_folders: folders, round: 1 })]
    await user.click(await screen.findByRole('button', { name: 'Try these 2 folders again' }))
    await waitFor(() => expect(posts()).toHaveLength(2))
    expect(posts()).toEqual([
      ['/api/imports/job-1/retry', { folders: ['sub-1'] }],
      ['/api/imports/job-1/retry', { folders: ['sub-1', 'sub-2'] }],
    ])
  })

  it('says when nothing is left, and when the import was cancelled elsewhere', async () => {
    api.imports = [importJson(ENDED)]
    api.changed = () => jsonResponse({ files: 0, folders: 0, round: 0 }, 202)
    const user = await showImport()
    await user.click(await button('Try these 10 files again'))
    // Shown beside the button, and read out.
    expect(await screen.findAllByText('Nothing is left to try again.')).toHaveLength(2)
    api.changed = () => problem(409, 'No.', 'import_ended')
    await user.click(await button('Try these 10 files again'))
    expect((await screen.findByRole('alert')).textContent).toContain('it cannot be tried again')
  })

  it('shows what was accepted even while the counts lag behind', async () => {
    api.imports = [importJson(ENDED)]
    api.changed = () => accept(12, 0, ENDED)
    const user = await showImport()
    await user.click(await button('Try 12 files again'))
    expect(await screen.findByText('12 files are being tried again.')).toBeDefined()
    expect((await button('Trying again…')).getAttribute('aria-disabled')).toBe('true')
  })
})
