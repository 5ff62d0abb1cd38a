import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { importJson, pictureJson } from './builders'
import { FakeApi, problem } from './fakeApi'
import { pass, showImport, showPage } from './showPage'

const STORED = 'https://store.example/images/folder-1/drive-1_0123456789ab_one.jpg'
const RUNNING = { state: 'transferring', pending: 12, failed: 0, finished_at: null }

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
  api.imports = [importJson({ stored: 3, unchanged: 0 })]
  api.pictures = ['one', 'two', 'three'].map((name, id) =>
    pictureJson({ id, name: `${name}.jpg`, google_drive_id: `drive-${name}`, width: 4000, height: 3000 }),
  )
})

function many(count: number): void {
  api.imports = [importJson({ stored: count, unchanged: 0 })]
  api.pictures = Array.from({ length: count }, (_, n) => pictureJson({ id: n, google_drive_id: `d${n}`, name: `p${n}.jpg` }))
}

const showGallery = (search = '') => showPage(`/imports/job-1/gallery${search}`)
const tile = (name: string) => screen.findByRole('button', { name: new RegExp(`^${name}`) })
const asked = (part: string) => api.asked.filter(({ path }) => path.includes(part))

describe('the page of an import', () => {
  it('shows the newest images as they come, and leads to all', async () => {
    vi.useFakeTimers()
    api.imports = [importJson({ ...RUNNING, stored: 0 })]
    api.pictures = []
    await showImport()
    await pass(100)
    expect(screen.getByText('The first images will appear here.')).toBeDefined()
    api.imports = [importJson({ ...RUNNING, stored: 2400, unchanged: 8 })]
    api.pictures = [pictureJson({ name: 'last.jpg' })]
    await pass(2_500)
    expect(screen.getByRole('link', { name: 'last.jpg' })).toBeDefined()
    expect(screen.getByRole('link', { name: 'Show all 2,408 images' }).getAttribute('href')).toBe('/imports/job-1/gallery')
  })

  it('opens an image in the gallery, and is there again when that is closed', async () => {
    const user = await showImport()
    await user.click(await screen.findByRole('link', { name: 'two.jpg' }))
    await user.click(within(await screen.findByRole('dialog', { name: 'two.jpg' })).getByRole('button', { name: 'Close' }))
    await waitFor(() => expect(window.location.pathname).toBe('/imports/job-1'))
  })

  it('leads old links of an image to the gallery', async () => {
    await showPage('/imports/job-1?image=drive-two')
    expect(await screen.findByRole('dialog', { name: 'two.jpg' })).toBeDefined()
    expect(window.location.pathname).toBe('/imports/job-1/gallery')
  })
})

describe('the gallery', () => {
  it('asks for the sections that are in sight, and for thumbnails', async () => {
    many(1_000)
    await showGallery()
    const first = await tile('p0.jpg')
    expect(first.querySelector('img')?.getAttribute('src')).toBe('/api/images/d0/thumbnail?width=320')
    expect(first.querySelector('img')?.getAttribute('srcset')).toContain('width=640 640w')
    const grid = screen.getByRole('grid')
    expect(Number(grid.getAttribute('aria-rowcount'))).toBe(Math.ceil(1_000 / Number(grid.getAttribute('aria-colcount'))))
    expect(asked('/images?')).toHaveLength(1)
    expect(screen.getAllByRole('row').length).toBeLessThan(20)
    expect(screen.getByText('1,000 images')).toBeDefined()
  })

  it('is walked through with the keys, and Tab leads to one tile', async () => {
    many(100)
    const user = await showGallery()
    const columns = Number((await screen.findByRole('grid')).getAttribute('aria-colcount'))
    const first = await tile('p0.jpg')
    act(() => first.focus())
    await user.keyboard('{ArrowRight}{ArrowDown}')
    expect(document.activeElement).toBe(await tile(`p${columns + 1}.jpg`))
    await user.keyboard('{Home}')
    expect(document.activeElement).toBe(await tile(`p${columns}.jpg`))
    await user.keyboard('{Control>}{Home}{/Control}')
    expect(document.activeElement).toBe(await tile('p0.jpg'))
    const stops = screen.getAllByRole('gridcell').filter((cell) => cell.querySelector('button')?.tabIndex === 0)
    expect(stops).toHaveLength(1)
  })

  it('says which images have no preview, but not while the API is only busy', async () => {
    vi.useFakeTimers()
    await showGallery()
    await pass(200)
    let busy = true
    api.fault = (path) => (busy && path.includes('thumbnail') ? problem(503, 'Too many.', 'thumbnails_busy') : null)
    fireEvent.error(imageOf('one.jpg'))
    await pass(500)
    fireEvent.error(imageOf('one.jpg'))
    busy = false
    await pass(3_000)
    expect(screen.getByText('No preview of this JPEG file')).toBeDefined()
  })

  it('searches by name, once one stops typing, and keeps it in the URL', async () => {
    const user = await showGallery()
    await tile('one.jpg')
    await user.type(screen.getByRole('searchbox'), 'TW')
    await waitFor(() => expect(screen.queryByRole('button', { name: /^one.jpg/ })).toBeNull())
    await tile('two.jpg')
    expect(window.location.search).toBe('?name=TW')
    expect(asked('sections').at(-1)?.path).toContain('name=TW')
    await user.clear(screen.getByRole('searchbox'))
    await user.type(screen.getByRole('searchbox'), 'zzz')
    expect(await screen.findByText('No images match these filters.')).toBeDefined()
    await user.click(screen.getByRole('button', { name: 'Clear all filters' }))
    await tile('one.jpg')
    expect(window.location.search).toBe('')
  })

  it('searches while an import runs, however often its counts change', async () => {
    vi.useFakeTimers()
    await showGallery()
    await pass(500)
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'two' } })
    for (let stored = 4; stored < 8; stored += 1) {
      api.imports = [importJson({ ...RUNNING, stored, unchanged: 0 })]
      // oxlint-disable-next-line no-await-in-loop -- one event follows the other
      await pass(250)
    }
    expect(window.location.search).toBe('?name=two')
  })

  it('sorts and filters as the URL says, and says so', async () => {
    const user = await showGallery('?sort=-size&type=image/png&min=1000000&max=9999999&since=2026-01-02&until=2026-01-03')
    await screen.findByRole('grid')
    const { searchParams } = new URL(asked('sections')[0]?.path ?? '', 'http://api.invalid')
    const day = (date: number) => new Date(2026, 0, date).toISOString()
    expect(Object.fromEntries(searchParams)).toMatchObject({
      import: 'job-1', order: '-size', type: 'image/png', min_size: '1000000', max_size: '9999999', since: day(2), until: day(4),
    })
    await user.click(screen.getByRole('button', { name: 'Filters (3)' }))
    expect(screen.getByLabelText<HTMLSelectElement>('Size').selectedOptions[0]?.text).toBe('1 MB to 10 MB')
    await user.selectOptions(screen.getByLabelText('Order'), 'Oldest first')
    await waitFor(() => expect(asked('sections').at(-1)?.path).toContain('order=imported_at'))
  })

  it('says which dates are swapped, and asks for nothing', async () => {
    await showGallery('?since=2026-11-26&until=2026-11-25')
    expect((await screen.findByRole('alert')).textContent).toContain('“Stored from” (2026-11-26) is after “Stored until” (2026-11-25).')
    expect(asked('sections')).toEqual([])
  })

  it('leaves out what a URL cannot mean', async () => {
    await showGallery('?name=true&type={"a":1}&sort=nonsense&min=-5&other=1')
    await tile('one.jpg')
    expect(asked('sections').map(({ path }) => path)).toEqual(['/api/images/sections?import=job-1&order=newest&section_size=200'])
    await waitFor(() => expect(window.location.search).toBe(''))
  })

  it('has the folders of the import, with the way to the one that is open', async () => {
    api.folders = [
      { folder_id: 'root', path: [], images: 1 },
      { folder_id: 'a', path: ['Summer'], images: 2 },
      { folder_id: 'b', path: ['Summer', 'Beach/Sea'], images: 3 },
    ]
    const user = await showGallery()
    await user.click(await screen.findByRole('button', { name: 'Summer 2' }))
    await user.click(await screen.findByRole('button', { name: 'Beach/Sea 3' }))
    await waitFor(() => expect(asked('sections').at(-1)?.path).toContain('folder=b'))
    const way = within(screen.getByRole('navigation', { name: 'Folders' })).getAllByRole('listitem')
    expect(way.map(({ textContent }) => textContent)).toEqual(['All folders', importJson()['name'], 'Summer', 'Beach/Sea'])
    expect(screen.queryByRole('checkbox')).toBeNull()
    await user.click(screen.getByRole('button', { name: 'Folder tree…' }))
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: /^Summer/ }))
    await waitFor(() => expect(window.location.search).toBe('?folder=a'))
    await user.click(await screen.findByRole('checkbox', { name: 'With the folders inside' }))
    await waitFor(() => expect(asked('sections').at(-1)?.path).toContain('folder=a&below=true'))
    expect(window.location.search).toBe('?folder=a&below=true')
  })

  it('tells of new images, and moves nothing until one wants them', async () => {
    vi.useFakeTimers()
    many(100)
    api.imports = [importJson({ ...RUNNING, stored: 100, unchanged: 0 })]
    await showGallery()
    await pass(200)
    api.pictures = [pictureJson({ id: 200, google_drive_id: 'new', name: 'new.jpg' }), ...api.pictures]
    api.imports = [importJson({ ...RUNNING, stored: 142, unchanged: 0 })]
    await pass(5_000)
    expect(asked('sections')).toHaveLength(1)
    fireEvent.click(screen.getByRole('button', { name: 'Show 42 images more' }))
    await pass(500)
    expect(asked('sections')).toHaveLength(2)
  })

  it.each([
    [{ found: 0, stored: 0, unchanged: 0, failed: 0 }, 'This folder contains no images.'],
    [{ found: 3, stored: 0, unchanged: 0, failed: 3 }, 'No images have been stored.'],
  ])('explains why there are none (%#)', async (counts, words) => {
    api.imports = [importJson(counts)]
    api.pictures = []
    await showGallery()
    expect(await screen.findByText(words)).toBeDefined()
  })

  it('can be asked for again if it could not be loaded', async () => {
    api.fault = (path) => (path.includes('sections') ? problem(503, 'The database took too long to answer.') : null)
    const user = await showGallery()
    expect((await screen.findByRole('alert')).textContent).toContain('The database took too long to answer.')
    api.fault = (path) => (path.includes('cursor=') ? problem(400, 'The cursor is too old.') : null)
    await user.click(screen.getByText('Try again'))
    await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('The cursor is too old.'))
    api.fault = null
    await user.click(screen.getByText('Try again'))
    await tile('one.jpg')
    expect(screen.queryByRole('alert')).toBeNull()
  })

  it('is asked for once, also if it comes before the imports are known', async () => {
    vi.useFakeTimers()
    await showPage('/gallery')
    await pass(5_000)
    expect(asked('/images/sections')).toHaveLength(1)
  })

  it('shows the images of all imports', async () => {
    await showPage('/gallery')
    await tile('one.jpg')
    expect(asked('sections')[0]?.path).not.toContain('import=')
  })
})

describe('an image, large', () => {
  it('shows everything known about it, links to the original, and returns the focus', async () => {
    const user = await showGallery()
    await user.click(await tile('two.jpg'))
    const dialog = await screen.findByRole('dialog', { name: 'two.jpg' })
    await within(dialog).findByText('abc')
    for (const fact of ['image/jpeg', '123.5 kB (123,456 bytes)', 'drive-two', '4,000 × 3,000 pixels', '2 of 3']) {
      expect(within(dialog).getByText(fact)).toBeDefined()
    }
    expect(within(dialog).getByRole('link', { name: 'Open the original' }).getAttribute('href')).toBe(STORED)
    await user.click(within(dialog).getByRole('button', { name: 'Close' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    await waitFor(async () => expect(document.activeElement).toBe(await tile('two.jpg')))
  })

  it('says what it is by its bytes, and what Drive says if that is something else', async () => {
    api.pictures = [pictureJson({ content_type: 'image/png', google_drive_id: 'three', name: 'three.jpg' })]
    await showGallery('?image=three')
    expect(await screen.findByText('image/png (Drive says image/jpeg)')).toBeDefined()
  })

  it('stays open when a dialog over it is closed', async () => {
    const user = await showGallery('?image=drive-two')
    await user.click(await screen.findByRole('button', { name: 'Copy as command or curl: Open the original' }))
    const above = await screen.findByRole('dialog', { name: 'The same in a terminal' })
    expect(within(above).getByText(/^curl -fL -o /)).toBeDefined()
    await user.click(within(above).getByRole('button', { name: 'Close' }))
    await waitFor(() => expect(screen.queryByRole('dialog', { name: 'The same in a terminal' })).toBeNull())
    expect(screen.getByRole('dialog')).toBeDefined()
    expect(window.location.search).toContain('drive-two')
  })

  it('goes on to its neighbours, beyond what was loaded, from wherever a link led', async () => {
    many(450)
    const user = await showGallery('?image=d399')
    await screen.findByText('400 of 450')
    await waitFor(() => expect(screen.getByRole('button', { name: 'Next image' }).getAttribute('aria-disabled')).toBe('false'))
    fireEvent.keyDown(screen.getByRole('heading', { name: 'p399.jpg' }), { key: 'ArrowRight' })
    await screen.findByRole('dialog', { name: 'p400.jpg' })
    await user.click(screen.getByRole('button', { name: 'Previous image' }))
    await screen.findByRole('dialog', { name: 'p399.jpg' })
    expect(screen.getByText('400 of 450')).toBeDefined()
  })

  it('stops at the ends', async () => {
    await showGallery('?image=drive-three')
    await screen.findByText('3 of 3')
    expect(screen.getByRole('button', { name: 'Next image' }).getAttribute('aria-disabled')).toBe('true')
  })

  it('that is not there, or not in the list, says so', async () => {
    await showGallery('?image=nope')
    expect(await screen.findByText('There is no stored image at this URL.')).toBeDefined()
  })

  it('shows the original where there is no thumbnail, and says if that cannot be decoded', async () => {
    await showGallery('?image=drive-one')
    const dialog = await screen.findByRole('dialog', { name: 'one.jpg' })
    fireEvent.error(within(dialog).getByRole('img'))
    expect(within(dialog).getByRole('img').getAttribute('src')).toBe('/api/images/drive-one/content')
    fireEvent.error(within(dialog).getByRole('img'))
    expect(within(dialog).getByText('This browser cannot display the image. Try opening the original.')).toBeDefined()
  })
})

function imageOf(name: string): HTMLImageElement {
  const image = screen.getByRole('button', { name: new RegExp(`^${name}`) }).querySelector('img')
  if (image === null) throw new Error(`${name} has no image`)
  return image
}
