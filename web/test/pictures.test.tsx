import { fireEvent, screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { importJson, pictureJson } from './builders'
import { FakeApi, problem } from './fakeApi'
import { pass, showImport } from './showPage'

const STORED = 'https://store.example/images/folder-1/drive-1_0123456789ab_one.jpg'

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
  api.imports = [importJson()]
  api.pictures = ['one', 'two', 'three'].map((name, id) =>
    pictureJson({ id, name: `${name}.jpg`, google_drive_id: `drive-${name}` }),
  )
})

const tile = (name: RegExp) => screen.findByRole('button', { name })

describe('the pictures', () => {
  it('are shown with their metadata', async () => {
    await showImport()
    const one = await tile(/one\.jpg.*JPEG · 123\.5 kB/)
    const image = one.querySelector('img')
    expect(image?.getAttribute('src')).toBe('/api/images/drive-one/content')
    expect(image?.getAttribute('loading')).toBe('lazy')
    expect(within(one).getByTitle('2026-11-23T10:00:05.000Z')).toBeDefined()
  })

  it('load more on request', async () => {
    api.pictures = Array.from({ length: 130 }, (_, n) => pictureJson({ id: n, google_drive_id: `d${n}`, name: `p${n}.jpg` }))
    const user = await showImport()
    await screen.findByText('p59.jpg')
    expect(screen.getByText('60 of 2,400 shown')).toBeDefined()
    await user.click(screen.getByText('Show more images'))
    await screen.findByText('p119.jpg')
    await user.click(screen.getByText('Show more images'))
    await screen.findByText('p129.jpg')
    await waitFor(() => expect(screen.queryByText('Show more images')).toBeNull())
  })

  it('without a preview say so', async () => {
    await showImport()
    const one = await tile(/one\.jpg/)
    const image = one.querySelector('img')
    if (image === null) throw new Error('no image')
    fireEvent.error(image)
    expect(within(one).getByText('No preview of this JPEG file')).toBeDefined()
  })

  it('are fetched once more when the import has ended', async () => {
    vi.useFakeTimers()
    api.imports = [importJson({ state: 'transferring', pending: 12, failed: 0, finished_at: null })]
    api.pictures = []
    await showImport()
    await pass(100)
    expect(screen.getByText('The first images will appear here.')).toBeDefined()
    api.imports = [importJson()]
    api.pictures = [pictureJson({ name: 'last.jpg' })]
    await pass(2_500)
    expect(screen.getByRole('button', { name: /last\.jpg/ })).toBeDefined()
  })

  it('that were in hand when the import was paused come a moment later', async () => {
    vi.useFakeTimers()
    const paused = { state: 'paused', pending: 12, failed: 0, finished_at: null }
    api.imports = [importJson(paused)]
    api.pictures = []
    await showImport()
    await pass(100)
    api.imports = [importJson({ ...paused, updated_at: '2026-11-23T10:00:21Z' })]
    api.pictures = [pictureJson({ name: 'last.jpg' })]
    await pass(3_100)
    expect(screen.getByRole('button', { name: /last\.jpg/ })).toBeDefined()
    const before = api.asked.length
    await pass(12_000)
    expect(api.asked.length - before).toBe(0)
  })

  it('stay visible, without a second error, while the API is down', async () => {
    vi.useFakeTimers()
    api.imports = [importJson({ state: 'transferring', pending: 12, failed: 0, finished_at: null })]
    await showImport()
    await pass(100)
    api.goDown()
    await pass(4_000)
    expect(screen.getByText('The API is not responding.')).toBeDefined()
    expect(screen.queryByRole('alert')).toBeNull()
    expect(screen.getByRole('button', { name: /one\.jpg/ })).toBeDefined()
  })

  it('keep arriving at the end of many pages, with one request a second', async () => {
    vi.useFakeTimers()
    api.imports = [importJson({ state: 'transferring', pending: 12, failed: 0, finished_at: null })]
    api.pictures = Array.from({ length: 190 }, (_, n) => pictureJson({ id: n, google_drive_id: `d${n}`, name: `p${n}.jpg` }))
    await showImport()
    await pass(100)
    for (let pages = 1; pages < 4; pages += 1) {
      fireEvent.click(screen.getByText('Show more images'))
      // oxlint-disable-next-line no-await-in-loop -- one page follows another
      await pass(100)
    }
    const before = api.asked.filter(({ path }) => path.startsWith('/api/images?')).length
    api.pictures.push(pictureJson({ id: 190, google_drive_id: 'd190', name: 'p190.jpg' }))
    for (let second = 1; second <= 10; second += 1) {
      api.imports = [importJson({ state: 'transferring', pending: 12, failed: 0, finished_at: null, stored: 2400 + second })]
      // oxlint-disable-next-line no-await-in-loop -- one second follows another
      await pass(1_000)
    }
    expect(screen.getByText('p190.jpg')).toBeDefined()
    const asked = api.asked.filter(({ path }) => path.startsWith('/api/images?')).length - before
    expect(asked).toBeGreaterThanOrEqual(8)
    expect(asked).toBeLessThanOrEqual(12)
  })

  it.each([
    [{ found: 0, stored: 0, failed: 0 }, 'This folder contains no images.'],
    [{ found: 3, stored: 0, failed: 3 }, 'No images have been stored.'],
  ])('are explained if there are none (%#)', async (counts, words) => {
    api.imports = [importJson(counts)]
    api.pictures = []
    await showImport()
    expect(await screen.findByText(words)).toBeDefined()
  })

  it('that could not be loaded can be requested again', async () => {
    api.pictures = Array.from({ length: 70 }, (_, n) => pictureJson({ id: n, google_drive_id: `d${n}`, name: `p${n}.jpg` }))
    api.fault = (path) => (path.includes('cursor=') ? problem(400, 'The cursor is too old.') : null)
    const user = await showImport()
    await user.click(await screen.findByText('Show more images'))
    expect((await screen.findByRole('alert')).textContent).toContain('The cursor is too old.')
    expect(screen.getByText('p59.jpg')).toBeDefined()
    api.fault = null
    await user.click(screen.getByText('Show more images'))
    expect(await screen.findByText('p69.jpg')).toBeDefined()
    expect(screen.queryByRole('alert')).toBeNull()
  })
})

describe('a picture, large', () => {
  it('shows everything known about it, links to the original, and returns the focus', async () => {
    const user = await showImport()
    await user.click(await tile(/two\.jpg/))
    const dialog = screen.getByRole('dialog', { name: 'two.jpg' })
    for (const fact of ['image/jpeg', '123.5 kB (123,456 bytes)', 'drive-two', STORED]) {
      expect(within(dialog).getByText(fact)).toBeDefined()
    }
    expect(within(dialog).getByRole('link', { name: 'Open the original' }).getAttribute('href')).toBe(STORED)
    await user.click(within(dialog).getByRole('button', { name: 'Close' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(document.activeElement).toBe(await tile(/two\.jpg/))
  })

  it('moves to its neighbours with the arrow keys, and stops at the ends', async () => {
    const user = await showImport()
    await user.click(await tile(/two\.jpg/))
    const dialog = screen.getByRole('dialog')
    fireEvent.keyDown(dialog, { key: 'ArrowRight' })
    expect(await screen.findByRole('dialog', { name: 'three.jpg' })).toBeDefined()
    fireEvent.keyDown(dialog, { key: 'ArrowRight' })
    expect(screen.getByRole('dialog', { name: 'three.jpg' })).toBeDefined()
    await user.click(screen.getByRole('button', { name: 'Previous image' }))
    expect(await screen.findByRole('dialog', { name: 'two.jpg' })).toBeDefined()
    await user.click(screen.getByRole('button', { name: 'Close' }))
    await waitFor(async () => expect(document.activeElement).toBe(await tile(/two\.jpg/)))
  })
})
