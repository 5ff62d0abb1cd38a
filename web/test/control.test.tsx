import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { fileJson, folderJson, importJson } from './builders'
import { FakeApi, jsonResponse, later, problem } from './fakeApi'
import { pass, showImport } from './showPage'

type Json = Record<string, unknown>

const RUNNING = { state: 'transferring', found: 100, stored: 40, failed: 0, pending: 60, finished_at: null }

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
})

/** The API shows the import so from now on, and answers a control with it. */
function become(changes: Json): Response {
  api.imports = [importJson(changes)]
  return jsonResponse(api.imports[0], 202)
}

const button = (name: string | RegExp) => screen.findByRole('button', { name })
const posts = () => api.asked.filter(({ method }) => method === 'POST').map(({ path, body }) => [path, body])

describe('pause and resume', () => {
  it('are one button, which shows that it works and keeps the focus', async () => {
    api.imports = [importJson(RUNNING)]
    const waiting = later()
    api.changed = waiting.answer
    const user = await showImport()
    const pause = await button('Pause')
    await user.click(pause)
    await waitFor(() => expect(pause.textContent).toBe('Pausing…'))
    expect(pause.getAttribute('aria-disabled')).toBe('true')
    await user.click(pause)
    waiting.give(become({ ...RUNNING, state: 'paused' }))
    await waitFor(() => expect(pause.textContent).toBe('Resume'))
    expect(document.activeElement).toBe(pause)
    expect(screen.getAllByText('Paused')).toHaveLength(1)
    expect(screen.getByText(/Holidays: Paused\. 100 found/)).toBeDefined()
    api.changed = () => become(RUNNING)
    await user.keyboard('{Enter}')
    await waitFor(() => expect(pause.textContent).toBe('Pause'))
    expect(posts()).toEqual([
      ['/api/imports/job-1/pause', null],
      ['/api/imports/job-1/resume', null],
    ])
  })

  it('are not undone by a response that was on its way', async () => {
    vi.useFakeTimers()
    api.imports = [importJson(RUNNING)]
    await showImport()
    await pass(20)
    const old = later()
    const honest = globalThis.fetch
    vi.stubGlobal('fetch', (path: string, request: RequestInit = {}) =>
      path === '/api/imports' ? old.answer() : honest(path, request),
    )
    await pass(1_000)
    api.changed = () => become({ ...RUNNING, state: 'paused' })
    screen.getByRole('button', { name: 'Pause' }).click()
    vi.stubGlobal('fetch', honest)
    await pass(50)
    old.give(jsonResponse([importJson(RUNNING)]))
    await pass(50)
    expect(screen.getByRole('button', { name: 'Resume' })).toBeDefined()
  })

  it('ignore the second click of a double click', async () => {
    api.imports = [importJson(RUNNING)]
    api.changed = (path) => become(path.endsWith('pause') ? { ...RUNNING, state: 'paused' } : RUNNING)
    const user = await showImport()
    await user.dblClick(await button('Pause'))
    await button('Resume')
    expect(posts()).toHaveLength(1)
  })

  it.each([
    [problem(404, 'No.', 'unknown_import'), 'The import was not paused. This import no longer exists.'],
    [problem(409, 'No.', 'import_ended'), 'This import has ended, so there is nothing left to pause.'],
    [problem(409, 'No.', 'control_contested'), /^Someone else is pausing or resuming this import at the same time\./],
    [problem(503, 'No.', 'kafka_unavailable'), /^Kafka is not responding\. You can safely press the button again/],
    [problem(503, 'The database is busy.', 'database_busy'), 'The import was not paused. The database is busy.'],
    [problem(500, 'Internal error.'), 'The import was not paused. Internal error.'],
    [new Response('', { status: 502 }), 'The API did not respond, so this may or may not have worked. You can safely press the button again.'],
  ])('say at the button why they did not work (%#)', async (response, words) => {
    api.imports = [importJson(RUNNING)]
    api.changed = () => response
    const user = await showImport()
    await user.click(await button('Pause'))
    expect((await screen.findByText(words)).getAttribute('aria-live')).toBe('polite')
    expect(document.activeElement).toBe(await button('Pause'))
  })

  it('hand the focus to the heading when the import ends', async () => {
    vi.useFakeTimers()
    api.imports = [importJson(RUNNING)]
    await showImport()
    await pass(20)
    screen.getByRole('button', { name: 'Pause' }).focus()
    api.imports = [importJson({ state: 'completed', failed: 0, stored: 2412 })]
    await pass(1_000)
    expect(screen.queryByRole('button', { name: 'Pause' })).toBeNull()
    expect(document.activeElement).toBe(screen.getByRole('heading', { name: 'Holidays' }))
  })
})

describe('cancelling', () => {
  it('does not count what will not be copied while nothing is waiting', async () => {
    api.imports = [importJson({ ...RUNNING, state: 'listing', found: 0, stored: 0, pending: 0 })]
    const user = await showImport()
    await user.click(await button('Cancel…'))
    const dialog = screen.getByRole('dialog', { name: 'Cancel the import of Holidays?' })
    expect(dialog.textContent).toContain('The search for images will stop.')
    expect(dialog.textContent).not.toContain('will not be copied')
  })

  it('says first what stays, and changes nothing when it is declined', async () => {
    api.imports = [importJson(RUNNING)]
    const user = await showImport()
    await user.click(await button('Cancel…'))
    const dialog = screen.getByRole('dialog', { name: 'Cancel the import of Holidays?' })
    expect(dialog.textContent).toContain('40 images are stored and will be kept.')
    expect(dialog.textContent).toContain('60 images will not be copied')
    await user.click(within(dialog).getByRole('button', { name: 'Keep importing' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(posts()).toEqual([])
  })

  it('ends the import, and says what was not done', async () => {
    api.imports = [importJson(RUNNING)]
    api.changed = () => become({ ...RUNNING, state: 'cancelled' })
    const user = await showImport()
    await user.click(await button('Cancel…'))
    await user.click(await button('Cancel the import'))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(posts()).toEqual([['/api/imports/job-1/cancel', null]])
    expect(screen.getByTestId('equation').textContent).toBe('100 found = 40 stored + 0 unchanged + 0 failed + 60 not done')
    expect(screen.getByText('60 not done')).toBeDefined()
    for (const name of ['Pause', 'Resume', 'Cancel…']) expect(screen.queryByRole('button', { name })).toBeNull()
  })

  it('keeps the question open when it did not work', async () => {
    api.imports = [importJson(RUNNING)]
    api.changed = () => problem(503, 'The database is busy.')
    const user = await showImport()
    await user.click(await button('Cancel…'))
    await user.click(await button('Cancel the import'))
    const dialog = screen.getByRole('dialog')
    expect(await within(dialog).findByText('The import was not cancelled. The database is busy.')).toBeDefined()
    expect(screen.getAllByText(/was not cancelled/)).toHaveLength(1)
  })

  it('is no longer offered when the import ends while the question is open', async () => {
    vi.useFakeTimers()
    api.imports = [importJson(RUNNING)]
    await showImport()
    await pass(20)
    screen.getByRole('button', { name: 'Cancel…' }).click()
    api.imports = [importJson({ state: 'completed', failed: 0, stored: 2412 })]
    await pass(1_100)
    expect(screen.getByText('The import has ended in the meantime.')).toBeDefined()
    expect(screen.queryByRole('button', { name: 'Cancel the import' })).toBeNull()
    screen.getAllByRole('button', { name: 'Close' })[0]?.click()
    await pass(20)
    expect(document.activeElement).toBe(screen.getByRole('heading', { name: 'Holidays' }))
  })

  it('leaves one way on: importing the folder again, once for two clicks', async () => {
    const folder_url = 'https://drive.google.com/open?id=x&resourcekey=0-k'
    api.imports = [importJson({ ...RUNNING, state: 'cancelled', folder_url, failed: 1, stored: 39, failures: { other: 1 } })]
    api.files = [fileJson({ reason: 'other' })]
    api.started = () => {
      api.imports = [importJson({ id: 'job-2', requested_at: '2026-11-24T11:00:00Z' }), ...api.imports]
      return jsonResponse({ message: 'Import started', jobId: 'job-2' }, 202)
    }
    const user = await showImport()
    await screen.findByText('one.jpg')
    expect(screen.queryByRole('button', { name: /Try/ })).toBeNull()
    await user.dblClick(await button('Import the folder again'))
    await waitFor(() => expect(window.location.pathname).toBe('/imports/job-2'))
    const sent = api.asked.filter(({ method }) => method === 'POST')
    expect(new Set(sent.map(({ key }) => key)).size).toBe(1)
    expect(sent[0]?.body).toEqual({ folderUrl: folder_url })
  })

  it('keeps the button when the folder could not be imported again', async () => {
    api.imports = [importJson({ state: 'cancelled' })]
    api.started = () => problem(500, 'Kafka did not acknowledge.')
    const user = await showImport()
    await user.click(await button('Import the folder again'))
    expect(await screen.findByText('The import was not started. Kafka did not acknowledge.')).toBeDefined()
    expect(await button('Import the folder again')).toBeDefined()
  })
})

describe('the same acts as commands', () => {
  it('can be copied', async () => {
    api.imports = [importJson(RUNNING)]
    const user = await showImport()
    const toggle = await button('Commands')
    expect(toggle.getAttribute('aria-expanded')).toBe('false')
    await user.click(toggle)
    const line = `drivestream pause job-1 --api ${window.location.origin}/api`
    await user.click(await button(`Copy as command: ${line}`))
    expect(await navigator.clipboard.readText()).toBe(line)
    expect(await button(`Copied: ${line}`)).toBeDefined()
    expect(screen.getByText(`curl -X POST ${window.location.origin}/api/imports/job-1/cancel`)).toBeDefined()
  })

  it('are beside each retry, for exactly what it retries', async () => {
    api.imports = [
      importJson({ failed: 3, failures: { gone: 3 }, folders_failed: 2, failed_folders: [folderJson(), folderJson({ folder_id: 'sub-2', path: 'Two' })] }),
    ]
    api.files = [fileJson({ google_drive_id: 'a', reason: 'gone', name: 'a.jpg' })]
    const user = await showImport()
    await user.click(await screen.findByText('Show the first 1 file'))
    const named = async () => (await screen.findAllByRole('button', { name: /^Copy as command or curl: / })).map((one) => one.ariaLabel?.slice(25))
    await waitFor(async () =>
      expect(await named()).toEqual([
        'Try 3 files and 2 folders again',
        'Download the lists',
        'Try these 2 folders again',
        'Try again Holidays/2026',
        'Try again Two',
        'Try these 3 files again',
        'Try again a.jpg',
      ]),
    )
    const beside = async (what: string) => {
      await user.click(await button(`Copy as command or curl: ${what}`))
      const lines = within(await screen.findByRole('dialog', { name: 'The same in a terminal' })).getAllByText(/job-1/, { selector: 'code' })
      await user.click(await button('Close'))
      await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
      return lines.map((one) => one.textContent?.replaceAll(`${window.location.origin}/api`, 'API'))
    }
    const sent = "curl -H 'Content-Type: application/json' -d"
    expect(await beside('Try these 3 files again')).toEqual([
      'drivestream retry job-1 --reason=gone --api API',
      `${sent} '{"reason":"gone"}' API/imports/job-1/retry`,
    ])
    expect(await beside('Try again Two')).toEqual([
      'drivestream retry job-1 --folders=sub-2 --api API',
      `${sent} '{"folders":["sub-2"]}' API/imports/job-1/retry`,
    ])
    expect(await beside('Try again a.jpg')).toContain('drivestream retry job-1 --files=a --api API')
  })
})
