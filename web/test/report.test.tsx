import { act, screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { keepAccess } from '../src/api/access'
import { formatMoment } from '../src/text/format'
import { fileJson, folderJson, importJson } from './builders'
import { FakeApi, jsonResponse, problem } from './fakeApi'
import { pass, showImport } from './showPage'

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
})

describe('the report of an import', () => {
  it('contains the equation, word for word', async () => {
    api.imports = [importJson()]
    await showImport()
    const said = await screen.findByTestId('equation')
    expect(said.textContent).toBe('2,412 found = 2,400 stored + 0 unchanged + 12 failed + 0 pending')
  })

  it('says what it means that nothing was found', async () => {
    const none = { state: 'completed', found: 0, stored: 0, failed: 0, found_bytes: 0, stored_bytes: 0 }
    api.imports = [importJson(none)]
    await showImport()
    expect(await screen.findByText(/are empty, so there is nothing to copy/)).toBeDefined()
    expect(screen.queryByRole('link', { name: /CSV/ })).toBeNull()
    api.imports = [importJson({ ...none, skipped: { not_an_image: 3 } })]
    expect(await screen.findByText(/contains no images, so nothing was copied\. 3 other files were skipped/)).toBeDefined()
    api.imports = [importJson({ ...none, state: 'cancelled' })]
    expect(await screen.findByText(/No images had been found/)).toBeDefined()
  })

  it('links to the proofs, with the access token where keys are used', async () => {
    api.imports = [importJson()]
    await showImport()
    const href = async (name: RegExp) => (await screen.findByRole('link', { name })).getAttribute('href')
    expect(await href(/CSV/)).toBe('/api/imports/job-1/manifest.csv')
    act(() => keepAccess('key', { token: 'a/b', expiresAt: Date.now() + 3_600_000 }))
    expect(await href(/CSV/)).toBe('/api/imports/job-1/manifest.csv?access_token=a%2Fb')
    expect(await href(/SHA256SUMS/)).toBe('/api/imports/job-1/SHA256SUMS?access_token=a%2Fb')
  })

  it('warns when the counts do not add up', async () => {
    api.imports = [importJson({ found: 2500 })]
    await showImport()
    expect((await screen.findByText(/do not add up/)).textContent).toContain('2,412')
  })

  it('shows progress in numbers and to screen readers', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T10:00:10Z') })
    const running = { state: 'transferring', found: 100, stored: 40, failed: 0, pending: 60, finished_at: null }
    api.imports = [importJson({ ...running, updated_at: '2026-11-23T10:00:10Z' })]
    await showImport()
    await pass(20)
    const bar = screen.getByRole('progressbar')
    expect(bar.getAttribute('aria-valuenow')).toBe('40')
    expect(bar.getAttribute('aria-valuetext')).toBe('40 of 100 files')
    expect(screen.getByText('4.0 files/s, 290.0 kB/s')).toBeDefined()
    expect(screen.getByText('about 15 s')).toBeDefined()
    expect(screen.getByText('10 s')).toBeDefined()
    expect(document.title).toBe('40 % – Holidays – Drivestream')
    api.imports = [importJson({ ...running, stored: 55, pending: 45 })]
    await pass(1_000)
    expect(screen.getByText('50 percent: 55 of 100 files.')).toBeDefined()
  })

  it('shows a falling speed when nothing moves', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T10:00:10Z') })
    api.imports = [
      importJson({ state: 'transferring', found: 100, stored: 40, failed: 0, pending: 60, finished_at: null }),
    ]
    await showImport()
    await pass(100)
    await pass(4_000)
    await pass(8_000)
    expect(screen.getByText('0.0 files/s, 0 bytes/s')).toBeDefined()
  })

  it('says why nothing moves and until when, and tells screen readers once', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T10:00:10Z') })
    const running = { state: 'transferring', found: 100, stored: 40, failed: 0, pending: 60, finished_at: null }
    const waiting = { reason: 'automated_queries', message: 'Google blocks this server.', until: '2026-11-23T15:40:00Z' }
    const until = formatMoment(new Date(waiting.until))
    api.imports = [importJson(running)]
    await showImport()
    await pass(20)
    expect(screen.getByText('Time left')).toBeDefined()
    api.imports = [importJson({ ...running, waiting_for: waiting })]
    await pass(1_000)
    const line = screen.getByText('Google blocks this server.')
    expect(line.textContent).toBe(`Waiting until ${until}: Google blocks this server.`)
    expect(screen.queryByText('Time left')).toBeNull()
    const said = screen.getByText(`Holidays: Waiting until ${until}: Google blocks this server.`)
    expect(said.getAttribute('aria-live')).toBe('polite')
    expect(line.closest('[aria-live], [role=status], [role=alert]')).toBeNull()
    api.imports = [importJson(running)]
    await pass(1_000)
    expect(screen.queryByText(/Waiting/)).toBeNull()
    expect(said.textContent).toBe('Holidays: Copying.')
  })

  it.each([
    [{ state: 'transferring', waiting_for: { reason: 'store_full', message: '', until: null } }, ['Waiting: The storage is full.']],
    [
      { state: 'transferring', waiting_for: { reason: 'behind_others', message: 'The workers are busy with 2 other imports.', until: null } },
      ['Waiting: The workers are busy with 2 other imports.'],
    ],
    [{ state: 'completed', waiting_for: { reason: 'store_full', message: 'Full.', until: null } }, []],
  ])('shows a wait without a sentence or an end, and none after the end (%#)', async (changes, lines) => {
    api.imports = [importJson(changes)]
    await showImport()
    await screen.findByTestId('equation')
    expect(Array.from(document.querySelectorAll('.waiting'), ({ textContent }) => textContent)).toEqual(lines)
  })

  it('shows no percentage while the folder is being listed', async () => {
    api.imports = [importJson({ state: 'listing', finished_at: null, folders_found: 24, folders_listed: 7 })]
    await showImport()
    expect(await screen.findByText('2,412 images found so far')).toBeDefined()
    expect(screen.getByText('7 of 24 folders listed')).toBeDefined()
    expect(screen.getByRole('progressbar').hasAttribute('aria-valuenow')).toBe(false)
  })

  it('says why an import failed as a whole', async () => {
    api.imports = [importJson({ state: 'failed', found: 0, stored: 0, failed: 0, message: 'The folder is not shared.' })]
    await showImport()
    expect((await screen.findByText('The folder is not shared.')).getAttribute('role')).toBe('alert')
    expect(await screen.findByText('No images were stored.')).toBeDefined()
  })

  it('names the folders that could not be listed, each with its reason', async () => {
    const folders = [folderJson(), folderJson({ folder_id: 'sub-2', path: '', reason: 'listing_incomplete', message: '' })]
    api.imports = [importJson({ state: 'completed_with_failures', folders_failed: 120, failed_folders: folders })]
    await showImport()
    const region = await screen.findByRole('region', { name: '120 folders could not be listed' })
    expect(await within(region).findByText('Holidays/2026')).toBeDefined()
    const [first, second] = within(region).getAllByRole('listitem').map(({ textContent }) => textContent)
    expect(first).toContain('This folder is not shared.')
    expect(first).toContain('Share it with anyone who has the link')
    expect(second).toContain('The imported folder itselfGoogle did not list the whole folder')
    expect(within(region).getByText('And 118 more.')).toBeDefined()
  })

  it('names no failed folders when all were listed', async () => {
    api.imports = [importJson()]
    await showImport()
    await screen.findByTestId('equation')
    expect(screen.queryByText(/could not be listed/)).toBeNull()
  })

  it('links to the folder in Drive, and nowhere else', async () => {
    api.imports = [importJson({ folder_url: 'javascript:alert(1)' })]
    await showImport()
    const link = await screen.findByRole('link', { name: 'Open in Google Drive' })
    expect(link.getAttribute('href')).toBe('https://drive.google.com/drive/folders/folder-1')
  })
})

describe('files that Google blocks for a day', () => {
  const parked = { files: 7, reason: 'download_quota_exceeded', after: '2026-11-24T10:00:20Z', how: 'POST it again.' }
  const ended = { state: 'completed_with_failures', parked }

  it('are named, with the time after which they can be fetched', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T12:00:00Z') })
    api.imports = [importJson(ended)]
    await showImport()
    await pass(20)
    const box = screen.getByRole('region', { name: '7 images cannot be downloaded yet' })
    expect(box.querySelector('time')?.dateTime).toBe('2026-11-24T10:00:20.000Z')
    expect(box.textContent).toContain('in 22 h')
    expect(box.textContent).toContain('Images that are already stored are not downloaded again.')
    expect(within(box).queryByRole('alert')).toBeNull()
  })

  it('come back automatically, and can be fetched earlier', async () => {
    api.imports = [importJson({ ...ended, failed: 7, failures: { download_quota_exceeded: 7 } })]
    api.changed = () => {
      api.imports = [importJson({ state: 'transferring', failed: 0, pending: 7, round: 1, finished_at: null })]
      return jsonResponse({ files: 7, folders: 0, round: 1 }, 202)
    }
    const user = await showImport()
    await user.click(await screen.findByRole('button', { name: 'Try them again now' }))
    await waitFor(() => expect(screen.queryByText('7 images cannot be downloaded yet')).toBeNull())
    const sent = api.asked.filter(({ method }) => method === 'POST')
    expect(sent.map(({ path, body }) => [path, body])).toEqual([
      ['/api/imports/job-1/retry', { reason: 'download_quota_exceeded' }],
    ])
    expect(document.activeElement).toBe(screen.getByRole('heading', { name: 'Holidays' }))
  })

  it('can be fetched when their time has come', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-24T12:00:00Z') })
    api.imports = [importJson(ended)]
    await showImport()
    await pass(20)
    expect(screen.getByText('The 24 hours are over, so you can try them again now.')).toBeDefined()
  })

  it('keep their button when the retry could not be sent', async () => {
    api.imports = [importJson(ended)]
    api.changed = () => problem(503, 'Kafka does not answer.', 'kafka_unavailable')
    const user = await showImport()
    await user.click(await screen.findByRole('button', { name: 'Try them again now' }))
    const said = await screen.findByText(/^Kafka is not responding\./)
    expect(said.getAttribute('role')).toBe('alert')
    expect(screen.getByRole('button', { name: 'Try them again now' })).toBeDefined()
  })

  it('have no time while the import runs, and no button if it was cancelled', async () => {
    api.imports = [importJson({ state: 'transferring', finished_at: null, parked: { ...parked, files: 1, after: null } })]
    await showImport()
    const box = await screen.findByRole('region', { name: '1 image cannot be downloaded yet' })
    expect(box.textContent).toContain('It is tried again automatically 24 hours after this import ends.')
    expect(within(box).getByRole('button', { name: 'Try it again now' })).toBeDefined()
    api.imports = [importJson({ ...ended, state: 'cancelled', parked: { ...parked, after: null } })]
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Try it again now' })).toBeNull())
    expect(screen.queryByText(/automatically/)).toBeNull()
  })
})

describe('what failed', () => {
  const files = (reason: string, count: number, message: (n: number) => string) =>
    Array.from({ length: count }, (_, n) =>
      fileJson({ google_drive_id: `${reason}-${n}`, name: `${reason} ${n}.jpg`, reason, message: message(n) }),
    )

  it('is grouped by reason, with one sentence if all files share it', async () => {
    api.imports = [importJson({ failures: { new_reason: 2, other: 10 } })]
    api.files = [...files('new_reason', 2, () => 'Ask again tomorrow.'), ...files('other', 10, (n) => `Sentence ${n}.`)]
    await showImport()
    expect(await screen.findByText('Ask again tomorrow.')).toBeDefined()
    const groups = screen.getAllByRole('heading', { level: 4 }).map(({ textContent }) => textContent)
    expect(groups).toEqual(['other 10 files', 'new_reason 2 files'])
    expect(screen.getByText('Sentence 7.')).toBeDefined()
    expect(screen.getByText('new_reason 1.jpg')).toBeDefined()
  })

  it('can be requested again after an error', async () => {
    api.imports = [importJson({ failures: { other: 12 } })]
    api.fault = (path) => (path.includes('/files?') ? problem(400, 'No such state.') : null)
    const user = await showImport()
    const alert = await screen.findByRole('alert')
    expect(alert.textContent).toContain('The list of files could not be loaded. No such state.')
    api.fault = null
    api.files = files('other', 12, () => 'Now it responds.')
    await user.click(within(alert).getByRole('button', { name: 'Try again' }))
    expect(await screen.findByText('Now it responds.')).toBeDefined()
  })

  it('is separate from what was skipped, which opens on request', async () => {
    api.imports = [importJson({ skipped: { odd_type: 1234, other: 2 } })]
    api.files = [fileJson({ state: 'skipped', name: 'notes.txt', reason: 'odd_type' })]
    const user = await showImport()
    const summary = await screen.findByRole('link', { name: '1,236 other files were skipped:' })
    expect(summary.parentElement?.textContent).toBe('1,236 other files were skipped: odd_type (1,234), other (2)')
    expect(api.asked.some(({ path }) => path.includes('state=skipped'))).toBe(false)
    await user.click(summary)
    await waitFor(() => expect(screen.getByText('notes.txt')).toBeDefined())
    expect(screen.getByText('Some sentence.')).toBeDefined()
  })
})
