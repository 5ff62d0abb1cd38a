/** Which images a URL lists: its search parameters as those of the API. */
import type { ImageQuery } from '../api/images'
import type { GallerySearch, ImageOrder } from '../search'

const FILTERS = ['name', 'type', 'folder', 'min', 'max', 'since', 'until'] as const

/** Of one import, or of all if `importId` is null. */
export function queryOf(importId: string | null, search: GallerySearch): ImageQuery {
  return {
    import: importId ?? undefined,
    folder: search.folder,
    // The folders below one are those of an import.
    below: importId !== null && search.folder !== undefined ? search.below : undefined,
    name: search.name,
    type: search.type,
    min_size: search.min,
    max_size: search.max,
    since: midnight(search.since, 0),
    until: midnight(search.until, 1),
    order: orderOf(search.sort ?? 'newest', importId),
  }
}

/** In an import, the time of the import counts, which the database walks along fastest. */
function orderOf(sort: ImageOrder, importId: string | null): ImageQuery['order'] {
  if (sort !== 'oldest') return sort
  return importId === null ? 'id' : 'imported_at'
}

export function countFilters(search: GallerySearch): number {
  const { min, max, since, until } = search
  const ranges = [min ?? max, since ?? until, search.type, search.folder, search.name]
  return ranges.filter((value) => value !== undefined).length
}

export function withoutFilters(search: GallerySearch): GallerySearch {
  return { ...search, ...Object.fromEntries(FILTERS.map((name) => [name, undefined])) }
}

/** Of a day in the reader's time zone, or of so many days later. */
function midnight(day: string | undefined, later: number): string | undefined {
  if (day === undefined) return undefined
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number)
  const time = new Date(year, month - 1, date + later)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}
