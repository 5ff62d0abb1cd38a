import { describe, expect, it } from 'vitest'
import { treeOf, wayTo } from '../src/images/folderTree'
import { boxOf, HIGHEST, layoutOf, mostImages, moved } from '../src/images/layout'
import { FITTED, MOST, panned, zoomed } from '../src/images/zoom'
import { gallerySearch } from '../src/search'

describe('the layout', () => {
  it.each([320, 335, 728, 1200])('fits %d px, and 100,000 images into what a browser scrolls through', (width) => {
    const { columns, tileWidth, gap, rowHeight } = layoutOf(width)
    expect(columns * tileWidth + (columns - 1) * gap).toBeCloseTo(width)
    expect(columns).toBeGreaterThanOrEqual(3)
    expect(Math.ceil(100_000 / columns) * rowHeight).toBeLessThan(2 ** 24)
    expect((mostImages(layoutOf(width)) / columns) * rowHeight).toBeLessThanOrEqual(HIGHEST)
  })

  it('keeps the proportion of an image, whatever it is', () => {
    const layout = layoutOf(335)
    const share = (width: number | null, height: number | null) => boxOf({ width, height }, layout)
    const frame = layout.tileWidth / layout.pictureHeight
    expect(Number.parseFloat(share(4000, 2000)?.height ?? '')).toBeCloseTo((100 * frame) / 2, 1)
    expect(share(4000, 2000)?.width).toBe('100.00%')
    expect(share(1, 100_000)).toEqual({ width: '4.00%', height: '100.00%' })
    expect([share(null, 1), share(0, 5)]).toEqual([null, null])
  })

  it.each([
    ['ArrowRight', 9, 10, false],
    ['ArrowRight', 22, 22, false],
    ['ArrowLeft', 0, 0, false],
    ['ArrowUp', 3, 3, false],
    ['ArrowUp', 12, 7, false],
    ['ArrowDown', 12, 17, false],
    ['ArrowDown', 19, 22, false],
    ['ArrowDown', 21, 21, false],
    ['Home', 13, 10, false],
    ['End', 13, 14, false],
    ['End', 21, 22, false],
    ['Home', 13, 0, true],
    ['End', 3, 22, true],
    ['PageDown', 3, 13, false],
    ['PageDown', 18, 22, false],
    ['PageUp', 8, 3, false],
    ['Enter', 3, null, false],
    ['toString', 3, null, false],
  ])('%s in five columns of 23 goes from %d to %s', (key, from, to, control) => {
    expect(moved(key, from, 23, 5, 2, control)).toBe(to)
  })
})

describe('zoom', () => {
  const frame = { x: 200, y: 100 }

  it('keeps what is at the pointer, and never more than the frame of it', () => {
    const view = zoomed(FITTED, 2, { x: 50, y: 20 }, frame)
    expect(view).toEqual({ scale: 2, x: -50, y: -20 })
    expect(panned(view, { x: 500, y: -500 }, frame)).toEqual({ scale: 2, x: 100, y: -50 })
    expect(zoomed(view, 0.1, { x: 9, y: 9 }, frame)).toEqual(FITTED)
    expect(zoomed(FITTED, 1_000, { x: 0, y: 0 }, frame).scale).toBe(MOST)
  })
})

describe('the folders', () => {
  const compare = new Intl.Collator('en', { numeric: true }).compare
  const folder = (folderId: string, ...path: string[]) => ({ folderId, path, images: 1 })

  it('are a tree, sorted by name', () => {
    const root = treeOf([folder('c', 'Ten', '10'), folder('b', 'Ten', '9'), folder('r'), folder('a', 'Ten')], 'All', compare)
    expect(root?.name).toBe('All')
    expect(wayTo(root, 'c').map(({ name }) => name)).toEqual(['All', 'Ten', '10'])
    expect(root?.children[0]?.children.map(({ name }) => name)).toEqual(['9', '10'])
    expect(wayTo(root, 'x')).toEqual([])
  })

  it('without their parents, and twins, are in the tree as well', () => {
    const root = treeOf([folder('r'), folder('deep', 'gone', 'deep'), folder('t1', 'T'), folder('t2', 'T'), folder('x', 'T', 'x')], 'All', compare)
    expect(root?.children.map(({ id }) => id)).toEqual(['t1', 't2', 'deep'].toSorted((one, other) => compare(name(one), name(other))))
    expect(wayTo(root, 'x').map(({ id }) => id)).toEqual(['r', 't1', 'x'])
    expect(treeOf([], 'All', compare)).toBeNull()
  })
})

const name = (id: string) => (id === 'deep' ? 'deep' : 'T')

it('the search parameters of the gallery are what they can be', () => {
  expect(gallerySearch({ name: 7, type: '', min: -1, max: 1.5, since: '2026-13-01', until: '2026-02-03', sort: 'toString' })).toEqual({
    name: '7',
    until: '2026-02-03',
  })
  expect(gallerySearch({ min: 0, sort: '-name', image: 'x' })).toEqual({ min: 0, sort: '-name', image: 'x' })
})
