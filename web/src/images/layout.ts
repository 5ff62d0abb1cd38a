/** The grid in numbers. All rows are equally high, so nothing has to be measured. */

export interface Layout {
  readonly columns: number
  readonly gap: number
  /** In pixels, as all of these. */
  readonly tileWidth: number
  readonly pictureHeight: number
  readonly captionHeight: number
  /** With the gap below it. */
  readonly rowHeight: number
}

/** Narrower than this, tiles are squares without a caption. */
const PHONE = 560
const SMALLEST_TILE = 176
/** Browsers cannot scroll through 2^24 pixels or more. */
export const HIGHEST = 16_000_000

export function layoutOf(width: number): Layout {
  const phone = width < PHONE
  const gap = phone ? 4 : 14
  const columns = phone ? 3 : Math.max(3, Math.floor((width + gap) / (SMALLEST_TILE + gap)))
  const tileWidth = Math.max(1, (width - gap * (columns - 1)) / columns)
  const pictureHeight = Math.round(phone ? tileWidth : tileWidth * 0.75)
  const captionHeight = phone ? 0 : 52
  return { columns, gap, tileWidth, pictureHeight, captionHeight, rowHeight: pictureHeight + captionHeight + gap }
}

/** How many images fit into one grid that a browser can scroll through. */
export function mostImages({ columns, rowHeight }: Layout): number {
  return Math.floor(HIGHEST / rowHeight) * columns
}

/** The largest box of the image's proportion that fits, in per cent of the frame; null if it is not known. */
export function boxOf(image: { width: number | null; height: number | null }, layout: Layout): { width: string; height: string } | null {
  const { width, height } = image
  if (width === null || height === null || width === 0 || height === 0) return null
  const frame = layout.tileWidth / layout.pictureHeight
  const proportion = width / height
  const share = (value: number) => `${Math.max(4, Math.min(100, 100 * value)).toFixed(2)}%`
  return { width: share(proportion / frame), height: share(frame / proportion) }
}

/** Where a key moves to from the tile at `index`; null if the key does not move. */
export function moved(key: string, index: number, total: number, columns: number, rowsOnScreen: number, control: boolean): number | null {
  const page = Math.max(1, rowsOnScreen) * columns
  const inRow = index % columns
  const targets: Readonly<Record<string, number>> = {
    ArrowLeft: index - 1,
    ArrowRight: index + 1,
    ArrowUp: index < columns ? index : index - columns,
    ArrowDown: down(index, total, columns),
    Home: control ? 0 : index - inRow,
    End: control ? total - 1 : index - inRow + columns - 1,
    PageUp: index - page < 0 ? inRow : index - page,
    PageDown: index + page >= total ? total - 1 : index + page,
  }
  const target = Object.hasOwn(targets, key) ? targets[key] : undefined
  return target === undefined ? null : Math.max(0, Math.min(total - 1, target))
}

/** From above a gap in the last row to its last tile. */
function down(index: number, total: number, columns: number): number {
  if (index + columns < total) return index + columns
  const lastRow = Math.floor((total - 1) / columns)
  return Math.floor(index / columns) < lastRow ? total - 1 : index
}
