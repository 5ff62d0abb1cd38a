/** Search, order and filters of a list of images. All of them are in the URL. */
import { useEffect, useId, useState, type ReactNode } from 'react'
import { IMAGE_ORDERS, type GallerySearch, type ImageOrder } from '../search'
import { formatType } from '../text/format'
import { t } from '../text/language'
import { withoutFilters } from './listing'

interface Props {
  readonly search: GallerySearch
  /** How many filters are set. */
  readonly filters: number
  readonly onChange: (changed: Partial<GallerySearch>) => void
  readonly children: ReactNode
}

const TYPES = ['jpeg', 'png', 'webp', 'gif', 'heif', 'avif', 'svg+xml', 'tiff', 'bmp'].map((type) => `image/${type}`)
const MB = 1_000_000
/** From the first to below the second, in bytes. */
const SIZES = [
  [undefined, 100_000 - 1],
  [100_000, MB - 1],
  [MB, 10 * MB - 1],
  [10 * MB, undefined],
] as const
const TYPED_MS = 300

export function Toolbar({ search, filters, onChange, children }: Props) {
  const [open, setOpen] = useState(false)
  const panel = useId()
  const { gallery } = t()
  const hidden = filters - (search.name === undefined ? 0 : 1) - (search.folder === undefined ? 0 : 1)
  return (
    <div className="gallery-bar">
      <Search name={search.name} onChange={onChange} />
      <button type="button" aria-expanded={open} aria-controls={panel} onClick={() => setOpen(!open)}>
        {hidden === 0 ? gallery.filters.label : gallery.filters.some(hidden)}
      </button>
      <label className="gallery-sort">
        <span aria-hidden>{gallery.sort.label}</span>
        <select aria-label={gallery.sort.label} value={search.sort ?? 'newest'} onChange={({ target }) => onChange({ sort: sortOf(target.value) })}>
          {IMAGE_ORDERS.map((order) => (
            <option key={order} value={order}>
              {gallery.sort.orders[order]}
            </option>
          ))}
        </select>
      </label>
      {children}
      <div id={panel} className="gallery-filters" hidden={!open}>
        <Filters search={search} onChange={onChange} />
        {filters > 0 && (
          <button type="button" onClick={() => onChange(withoutFilters({}))}>
            {gallery.filters.clear}
          </button>
        )}
      </div>
    </div>
  )
}

function sortOf(value: string): ImageOrder | undefined {
  return value === 'newest' ? undefined : IMAGE_ORDERS.find((order) => order === value)
}

/** Searches once one stops typing. `onChange` stays the same, or each new count of a running import would start the wait again. */
function Search({ name, onChange }: { name: string | undefined; onChange: Props['onChange'] }) {
  const [typed, setTyped] = useState(name ?? '')
  const [asked, setAsked] = useState(name)
  // It changed elsewhere, such as by Back.
  if (asked !== name) {
    setAsked(name)
    if (name !== (typed.trim() || undefined)) setTyped(name ?? '')
  }
  useEffect(() => {
    const wanted = typed.trim() || undefined
    if (wanted === name) return undefined
    const timer = setTimeout(() => onChange({ name: wanted }), TYPED_MS)
    return () => clearTimeout(timer)
  }, [typed, name, onChange])
  return (
    <input
      type="search"
      className="gallery-search"
      value={typed}
      maxLength={200}
      placeholder={t().gallery.search}
      aria-label={t().gallery.search}
      onChange={({ target }) => setTyped(target.value)}
    />
  )
}

function Filters({ search, onChange }: Pick<Props, 'search' | 'onChange'>) {
  const { filters } = t().gallery
  const size = SIZES.findIndex(([min, max]) => min === search.min && max === search.max)
  const ownSize = size === -1 && (search.min !== undefined || search.max !== undefined)
  return (
    <>
      <label>
        <span>{filters.type}</span>
        <select value={search.type ?? ''} onChange={({ target }) => onChange({ type: target.value || undefined })}>
          <option value="">{filters.any}</option>
          {[...new Set([...TYPES, ...(search.type === undefined ? [] : [search.type])])].map((type) => (
            <option key={type} value={type}>
              {formatType(type)}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{filters.size}</span>
        <select
          value={ownSize ? 'own' : String(size)}
          onChange={({ target }) => {
            const [min, max] = SIZES[Number(target.value)] ?? []
            onChange({ min, max })
          }}
        >
          <option value="-1">{filters.any}</option>
          {filters.sizes.map((label, number) => (
            <option key={label} value={number}>
              {label}
            </option>
          ))}
          {ownSize && <option value="own">{filters.ownSize}</option>}
        </select>
      </label>
      <label>
        <span>{filters.since}</span>
        <input type="date" value={search.since ?? ''} max={search.until} onChange={({ target }) => onChange({ since: target.value || undefined })} />
      </label>
      <label>
        <span>{filters.until}</span>
        <input type="date" value={search.until ?? ''} min={search.since} onChange={({ target }) => onChange({ until: target.value || undefined })} />
      </label>
    </>
  )
}
