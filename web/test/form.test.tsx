import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it } from 'vitest'
import { importJson } from './builders'
import { FakeApi, jsonResponse, later, problem } from './fakeApi'
import { showPage } from './showPage'

const LINK = 'https://drive.google.com/drive/folders/1AbCdEfGhIjK'
const POST = ['POST', '/api/import/google-drive'] as const

const PREVIEW = {
  folder_id: 'f',
  folder_url: LINK,
  name: 'Holidays',
  complete: true,
  stopped_by: null,
  images: 1202,
  bytes: 3_000_000_000,
  types: { 'image/jpeg': 1200, 'image/png': 2 },
  skipped: { not_an_image: 3 },
  folders: 4,
  folders_listed: 4,
  folders_failed: {},
  names: ['<b>one</b>.jpg', 'two.png'],
  samples: [
    { google_drive_id: 'A', name: '<b>one</b>.jpg', thumbnail: null },
    { google_drive_id: 'B', name: 'two.png', thumbnail: null },
  ],
  quota_units: 40,
  seconds: 300,
}

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
})

const field = () => screen.getByLabelText<HTMLInputElement>('Google Drive folder link')
const button = () => screen.getByRole('button', { name: 'Import' })

describe('the form', () => {
  it('starts an import, and goes to its page', async () => {
    const user = await showPage()
    api.started = () => {
      api.imports = [importJson({ id: 'job-7', state: 'queued', found: 0, stored: 0, failed: 0, name: 'the-folder' })]
      return jsonResponse({ message: 'Import started', jobId: 'job-7' }, 202)
    }
    await user.type(field(), `  ${LINK} `)
    await user.click(button())
    expect(await screen.findByRole('heading', { name: /the-folder/ })).toBeDefined()
    expect(window.location.pathname).toBe('/imports/job-7')
    expect(api.asked.find(({ path }) => path === POST[1])?.body).toEqual({ folderUrl: LINK })
  })

  it('lets other imports go first, in the command as well', async () => {
    const user = await showPage()
    api.previewed = () => jsonResponse(PREVIEW)
    api.started = () => {
      api.imports = [importJson({ state: 'queued', finished_at: null, priority: 'bulk' })]
      return jsonResponse({ message: 'Import started', jobId: 'job-1' }, 202)
    }
    await user.paste(LINK)
    const preview = await screen.findByRole('region', { name: 'Holidays' })
    expect(preview.textContent).not.toContain('bulk')
    await user.click(screen.getByRole('checkbox', { name: 'Let other imports go first' }))
    expect(preview.textContent).toContain(`'{"folderUrl":"${LINK}","priority":"bulk"}'`)
    expect(preview.textContent).toContain(`drivestream import ${LINK} --priority=bulk --watch`)
    await user.click(button())
    expect((await screen.findByText('Priority')).parentElement?.textContent).toBe('Priorityother imports go first')
    expect(api.asked.find(({ path }) => path === POST[1])?.body).toEqual({ folderUrl: LINK, priority: 'bulk' })
  })

  it('keeps what was typed, and the key, when the language changes', async () => {
    const user = await showPage('/?link=https://drive.google.com/drive/folders/other')
    await user.clear(field())
    await user.type(field(), LINK)
    await user.click(screen.getByRole('checkbox'))
    api.started = () => problem(500, 'The import could not be queued.', 'not_queued')
    await user.click(button())
    await screen.findByText(/could not be queued/)
    await user.click(screen.getByRole('button', { name: 'Deutsch' }))
    const typed = await screen.findByLabelText<HTMLInputElement>('Link zum Google-Drive-Ordner')
    expect(typed.value).toBe(LINK)
    expect(screen.getByRole<HTMLInputElement>('checkbox', { name: 'Andere Importe vorlassen' }).checked).toBe(true)
    await user.click(screen.getByRole('button', { name: 'Importieren' }))
    await waitFor(() => expect(api.count(...POST)).toBe(2))
    const [one, other] = api.asked.filter(({ path }) => path === POST[1])
    expect(other).toEqual(one)
    await user.click(screen.getByRole('button', { name: 'English' }))
    await user.click(await screen.findByRole('link', { name: 'Replays' }))
    await waitFor(() => expect(screen.queryByLabelText('Google Drive folder link')).toBeNull())
    await user.click(screen.getByRole('link', { name: 'Imports' }))
    expect((await screen.findByLabelText<HTMLInputElement>('Google Drive folder link')).value).toBe('')
  })

  it('shows the server’s error at the field, and keeps the link', async () => {
    const user = await showPage()
    api.started = () => problem(400, 'The link names no folder.')
    await user.type(field(), `${LINK}{Enter}`)
    expect(await screen.findByText('The link names no folder.')).toBeDefined()
    expect(field().value).toBe(LINK)
    expect(field().getAttribute('aria-invalid')).toBe('true')
    expect(document.activeElement).toBe(field())
  })

  it('removes the error as soon as the link is edited', async () => {
    const user = await showPage()
    api.started = () => problem(400, 'The link names no folder.')
    await user.type(field(), `${LINK}{Enter}`)
    await screen.findByText('The link names no folder.')
    await user.type(field(), 'x')
    expect(screen.queryByText('The link names no folder.')).toBeNull()
  })

  it('asks for a link when the field is empty, without a request', async () => {
    const user = await showPage()
    await user.click(button())
    expect(await screen.findByText('Paste a Google Drive folder link first.')).toBeDefined()
    expect(api.count(...POST)).toBe(0)
  })

  it('submits a link in spite of its hint, because the server decides', async () => {
    const user = await showPage()
    await user.type(field(), 'https://drive.google.com/file/d/1AbC/view')
    expect(screen.getByText(/looks like a link to a single file/)).toBeDefined()
    await user.click(button())
    await waitFor(() => expect(api.count(...POST)).toBe(1))
  })

  it('starts one import on a double click', async () => {
    const user = await showPage()
    await user.type(field(), LINK)
    await user.dblClick(button())
    await waitFor(() => expect(window.location.pathname).toBe('/imports/job-1'))
    expect(api.count(...POST)).toBe(1)
    expect(screen.queryByText('Paste a Google Drive folder link first.')).toBeNull()
  })

  it('waits for the response before it submits again', async () => {
    const user = await showPage()
    const waiting = later()
    api.started = waiting.answer
    await user.type(field(), `${LINK}{Enter}`)
    await user.keyboard('{Enter}')
    expect(screen.getByRole('button', { name: 'Starting…' }).getAttribute('aria-disabled')).toBe('true')
    waiting.give(jsonResponse({ message: 'Import started', jobId: 'job-1' }, 202))
    await waitFor(() => expect(window.location.pathname).toBe('/imports/job-1'))
    expect(api.count(...POST)).toBe(1)
  })

  it('repeats a failed submission with the same key, and uses a new key for a new link', async () => {
    const user = await showPage()
    api.started = () => problem(500, 'The import could not be queued.', 'not_queued')
    await user.type(field(), `${LINK}{Enter}`)
    await screen.findByText(/could not be queued.*Your link is still in the field/)
    expect(field().value).toBe(LINK)
    await user.keyboard('{Enter}')
    await waitFor(() => expect(api.count(...POST)).toBe(2))
    await user.type(field(), 'Z{Enter}')
    await waitFor(() => expect(api.count(...POST)).toBe(3))
    const keys = api.asked.filter(({ path }) => path === POST[1]).map(({ key }) => key)
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(keys[1]).toBe(keys[0])
    expect(keys[2]).not.toBe(keys[0])
  })

  it('imports the same link again when it is submitted again', async () => {
    const user = await showPage()
    await user.type(field(), `${LINK}{Enter}`)
    await waitFor(() => expect(window.location.pathname).toBe('/imports/job-1'))
    await user.click(screen.getByRole('link', { name: 'Drivestream' }))
    await user.type(await screen.findByLabelText('Google Drive folder link'), `${LINK}{Enter}`)
    await waitFor(() => expect(api.count(...POST)).toBe(2))
    const keys = api.asked.filter(({ path }) => path === POST[1]).map(({ key }) => key)
    expect(keys[1]).not.toBe(keys[0])
  })

  it('accepts a Drive link pasted anywhere on the page, but no other text', async () => {
    const user = await showPage()
    await user.paste('some text')
    expect(field().value).toBe('')
    await user.paste(LINK)
    await waitFor(() => expect(field().value).toBe(LINK))
    expect(document.activeElement).toBe(field())
  })

  it('accepts the same link again, words around it, and one pasted while a checkbox has the focus', async () => {
    const user = await showPage()
    await user.paste(LINK)
    await waitFor(() => expect(field().value).toBe(LINK))
    await user.clear(field())
    act(() => field().blur())
    await user.paste(LINK)
    await waitFor(() => expect(field().value).toBe(LINK))
    await user.click(screen.getByRole('link', { name: 'Replays' }))
    act(() => document.body.append(Object.assign(document.createElement('input'), { type: 'checkbox', id: 'box' })))
    document.getElementById('box')?.focus()
    await user.paste(`Here they are:\n${LINK}`)
    document.getElementById('box')?.remove()
    await waitFor(() => expect(field().value).toBe(`Here they are: ${LINK}`))
  })

  it('shows what a pasted link leads to, before any button is pressed', async () => {
    const user = await showPage('/flow')
    api.previewed = () => jsonResponse(PREVIEW)
    await user.paste(LINK)
    const preview = await screen.findByRole('region', { name: 'Holidays' })
    expect(preview.textContent).toContain('1,202 images, 3.0 GB, 4 folders. About 5 min at today’s quota.')
    expect(preview.textContent).toContain('JPEG 1,200PNG 23 other files will be skipped')
    expect(preview.textContent).toContain('<b>one</b>.jpg')
    expect(window.location.pathname).toBe('/')
    expect(api.count(...POST)).toBe(0)
  })

  it('shows a few images as they look, and the names of those that cannot be shown', async () => {
    const thumbnail = 'data:image/png;base64,iVBORw0KGgo='
    const samples = Array.from({ length: 9 }, (_, n) => ({ google_drive_id: String(n), name: `<i>${n}</i>.png`, thumbnail }))
    const elsewhere = { google_drive_id: 'x', name: 'x.png', thumbnail: 'https://example.org/x.png' }
    const waiting = later()
    api.previewed = waiting.answer
    const user = await showPage()
    await user.click(field())
    await user.paste(LINK)
    expect(await screen.findByText('Looking into the folder…')).toBeDefined()
    waiting.give(jsonResponse({ ...PREVIEW, samples: [{ ...samples[0], google_drive_id: 'none', thumbnail: null }, elsewhere, ...samples] }))
    const preview = await screen.findByRole('region', { name: 'Holidays' })
    const shown = within(preview).getAllByRole<HTMLImageElement>('img')
    expect(shown.map(({ alt }) => alt)).toEqual(['0', '1', '2', '3', '4', '5'].map((n) => `<i>${n}</i>.png`))
    expect(new Set(shown.map(({ src }) => src))).toEqual(new Set([thumbnail]))
    expect(preview.textContent).not.toContain('two.png')
    for (const image of shown.slice(0, 1)) fireEvent.error(image)
    expect(within(preview).queryByAltText('<i>0</i>.png')).toBeNull()
    expect(within(preview).getByAltText('<i>6</i>.png')).toBeDefined()
  })

  it.each([
    ['file_link', 400, /Open the folder that contains it/],
    ['folder_not_found', 404, /share it with anyone with the link/],
    ['some_new_code', 400, /The sentence of the API/],
  ])('says what to paste instead of a link that is %s', async (code, status, words) => {
    api.previewed = () => problem(status, 'The sentence of the API.', code)
    const user = await showPage()
    await user.click(field())
    await user.paste(LINK)
    expect(await screen.findByText(words)).toBeDefined()
    expect(field().getAttribute('aria-invalid')).toBe('true')
    expect(field().value).toBe(LINK)
  })

  it('can be used without a preview', async () => {
    const user = await showPage()
    await user.click(field())
    await user.paste(LINK)
    expect(await screen.findByText(/There is no preview: Too many previews.*start the import anyway/)).toBeDefined()
    expect(field().getAttribute('aria-invalid')).toBe('false')
  })

  it('puts a space where a pasted text has a line break, and joins nothing', async () => {
    const user = await showPage()
    await user.click(field())
    await user.paste(`Our pictures:\r\n${LINK}\nThanks`)
    expect(field().value).toBe(`Our pictures: ${LINK} Thanks`)
  })
})
