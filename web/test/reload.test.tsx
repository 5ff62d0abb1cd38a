import { screen } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { importJson, pictureJson } from './builders'
import { FakeApi } from './fakeApi'
import { closePages, showPage } from './showPage'

const GALLERY = '/imports/job-1/gallery'

function many(api: FakeApi, count: number): void {
  api.imports = [importJson({ stored: count, unchanged: 0 })]
  api.pictures = Array.from({ length: count }, (_, n) => pictureJson({ id: n, google_drive_id: `d${n}`, name: `p${n}.jpg` }))
}

describe('the gallery', () => {
  it('is where it was after it was loaded again, if images were added as well', async () => {
    const api = new FakeApi().install()
    many(api, 1_000)
    const scrolled = vi.spyOn(window, 'scrollTo')
    await showPage(GALLERY)
    await screen.findByRole('button', { name: /^p0.jpg/ })
    const second = document.querySelector<HTMLElement>('.image-row + .image-row')?.style.transform
    const columns = Number(screen.getByRole('grid').getAttribute('aria-colcount'))
    const height = Number(/\d+/.exec(second ?? '')?.[0])
    Object.defineProperty(window, 'scrollY', { configurable: true, value: 20 * height + 7 })
    const bounds = vi.spyOn(Element.prototype, 'getBoundingClientRect').mockReturnValue(new DOMRect(0, -window.scrollY))
    window.dispatchEvent(new Event('pagehide'))
    const state: unknown = window.history.state
    const show = async (entry: unknown) => {
      closePages()
      scrolled.mockClear()
      await showPage(GALLERY, entry)
      await screen.findByRole('grid')
      return scrolled.mock.calls.map(([options]) => (options as unknown as ScrollToOptions).top).filter((top) => top !== 0)
    }
    Object.defineProperty(window, 'scrollY', { configurable: true, value: 0 })
    bounds.mockRestore()
    many(api, 1_000 + 2 * columns)
    expect(await show(state)).toContain(22 * height + 7)
    expect(await show(state)).toEqual([])
    expect(await show(null)).toEqual([])
  })
})
