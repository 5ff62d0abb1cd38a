/** The images of one import, or of all: search, filters, folders, the grid, and one of them large. */
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useRef, useState } from 'react'
import type { Import } from '../api/types'
import { CommandsButton } from '../commands/CommandsButton'
import { useFollow } from '../queries'
import type { GallerySearch } from '../search'
import { counted, formatCount } from '../text/format'
import { t } from '../text/language'
import { importName } from '../text/names'
import { isRunning } from '../text/states'
import { Retry } from '../ui/Retry'
import { listCommands } from './commands'
import { Folders } from './Folders'
import { ImageGrid, useLayout } from './ImageGrid'
import { indexNow, usePlaceBefore } from './keptPlace'
import { mostImages } from './layout'
import { Lightbox } from './Lightbox'
import { countFilters, queryOf, withoutFilters } from './listing'
import { Toolbar } from './Toolbar'
import { usePosition, useSections, type Sections } from './useImages'
import { useOpenImage } from './useOpenImage'

interface Props {
  /** Null: the images of all imports. */
  readonly one: Import | null
  /** How many images were stored, as far as it is known without asking: the list is older if it has grown. */
  readonly stored: number | null
}

/** So few are shown as they come. What one looks at would move later. */
const FIRST_SCREEN = 40
const EVERY_MS = 2_000

export function Gallery({ one, stored }: Props) {
  const importId = one?.id ?? null
  const search: GallerySearch = useSearch({ strict: false })
  const navigate = useNavigate()
  const list = queryOf(importId, search)
  const { since, until } = search
  const swapped = since !== undefined && until !== undefined && since > until
  const query = useSections(list, stored, !swapped)
  const sections = swapped ? undefined : query.data
  const filters = countFilters(search)
  useFollow(['images', list] as unknown as string[], sections !== undefined && sections.total < FIRST_SCREEN ? stored : null, EVERY_MS)

  const change = useCallback(
    (changed: Partial<GallerySearch>) => {
      void navigate({ to: '.', search: (old) => ({ ...old, ...changed, image: undefined }), replace: true, resetScroll: false })
    },
    [navigate],
  )
  const choose = (folder: string | undefined) =>
    void navigate({ to: '.', search: (old) => ({ ...old, folder, image: undefined }), resetScroll: false })
  const onBelow = (below: boolean) => change({ below: below || undefined })
  const { gallery, common } = t()
  return (
    <section className="gallery" aria-label={gallery.title}>
      <Toolbar search={search} filters={filters} onChange={change}>
        <span className="quiet gallery-count" role="status">
          {sections !== undefined && counted(sections.total, ...common.image)}
        </span>
        <CommandsButton what={gallery.list} commands={() => listCommands(list)} />
      </Toolbar>
      {one !== null && (
        <Folders
          importId={one.id}
          importName={importName(one)}
          version={one.foldersListed}
          folder={search.folder}
          below={search.below === true}
          onChoose={choose}
          onBelow={onBelow}
        />
      )}
      {swapped && (
        <p className="note" role="alert">
          {gallery.filters.swapped(since, until)}
        </p>
      )}
      <Retry what={gallery.list} error={swapped ? null : query.error} hasOlder={sections !== undefined} onRetry={() => void query.refetch()} />
      {sections === undefined ? (
        query.error === null && !swapped && <Waiting />
      ) : (
        <Shown
          key={JSON.stringify(sections.list)}
          importId={importId}
          sections={sections}
          news={sections.total < FIRST_SCREEN ? 0 : newsOf(sections, stored, filters)}
          exact={filters === 0 && importId !== null}
          onRefresh={() => void query.refetch()}
          empty={filters > 0 ? <NoMatch onClear={() => change(withoutFilters({}))} /> : <Nothing one={one} />}
        />
      )}
    </section>
  )
}

/** How many were stored since the list was asked for. */
function newsOf({ total, stored }: Sections, now: number | null, filters: number): number {
  const then = filters === 0 ? Math.max(total, stored ?? 0) : stored
  return now === null || then === null ? 0 : Math.max(0, now - then)
}

interface ShownProps {
  readonly importId: string | null
  readonly sections: Sections
  readonly news: number
  /** Whether all that are new are in the list. */
  readonly exact: boolean
  readonly onRefresh: () => void
  readonly empty: React.ReactNode
}

function Shown({ importId, sections, news, exact, onRefresh, empty }: ShownProps) {
  const frame = useRef<HTMLDivElement>(null)
  const layout = useLayout(frame)
  const { image, open, go, close } = useOpenImage()
  const [places, setPlaces] = useState<ReadonlyMap<string, number>>(new Map())
  const [last, setLast] = useState<number | null>(null)
  const [closed, setClosed] = useState<{ readonly index: number } | null>(null)
  const before = usePlaceBefore()
  const [start, setStart] = useState(() => before && { ...before, index: indexNow(before, sections.total, sections.list.order === 'newest') })
  const [chosenPart, choosePart] = useState<number | null>(null)
  const index = usePosition(sections, image, image === null ? null : (places.get(image) ?? null))
  const most = mostImages(layout)
  const part = chosenPart ?? Math.floor((start?.index ?? 0) / most)
  const setPart = useCallback((chosen: number) => {
    choosePart(chosen)
    setStart(null)
  }, [])
  const first = Math.min(part, Math.max(0, Math.ceil(sections.total / most) - 1)) * most

  if (image !== null && typeof index === 'number' && last !== index) setLast(index)
  if (image === null && last !== null) {
    // However it is closed, the image that was viewed last has the focus then.
    setLast(null)
    setPart(Math.floor(last / most))
    setClosed({ index: last })
  }

  const place = useCallback((driveId: string, at: number) => {
    // The URL still has the one before for a moment.
    setPlaces((old) => new Map([...[...old].slice(-1), [driveId, at]]))
  }, [])
  const onOpen = useCallback(
    (driveId: string, at: number) => {
      place(driveId, at)
      open(driveId)
    },
    [open, place],
  )
  function onGo(driveId: string, at: number) {
    place(driveId, at)
    go(driveId)
  }
  function refresh() {
    onRefresh()
    setPart(0)
    window.scrollTo({ top: 0 })
  }

  return (
    <div ref={frame}>
      {news > 0 && (
        <button type="button" className="primary gallery-news" onClick={refresh}>
          {exact ? t().gallery.news(counted(news, ...t().common.image)) : t().gallery.refresh}
        </button>
      )}
      {sections.total === 0 && empty}
      {sections.total > most && <Parts first={first} most={most} total={sections.total} onChange={(next) => setPart(Math.round(next / most))} />}
      {sections.total > 0 && (
        <ImageGrid
          key={first}
          sections={sections}
          first={first}
          count={Math.min(most, sections.total - first)}
          layout={layout}
          label={t().gallery.title}
          focused={closed}
          start={start}
          onOpen={onOpen}
        />
      )}
      {image !== null && (
        <Lightbox importId={importId} driveId={image} sections={sections} index={index} onGo={onGo} onClose={close} />
      )}
    </div>
  )
}

interface PartsProps {
  readonly first: number
  readonly most: number
  readonly total: number
  readonly onChange: (first: number) => void
}

/** Of a list that is too long for one page to be scrolled through. */
function Parts({ first, most, total, onChange }: PartsProps) {
  const { gallery } = t()
  return (
    <nav className="gallery-parts" aria-label={gallery.parts.label}>
      <span>{gallery.parts.shown(formatCount(first + 1), formatCount(Math.min(total, first + most)), formatCount(total))}</span>
      <button type="button" className="small" disabled={first === 0} onClick={() => onChange(first - most)}>
        {gallery.parts.earlier}
      </button>
      <button type="button" className="small" disabled={first + most >= total} onClick={() => onChange(first + most)}>
        {gallery.parts.later}
      </button>
    </nav>
  )
}

function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <div className="note">
      <p>{t().gallery.noMatch}</p>
      <button type="button" onClick={onClear}>
        {t().gallery.filters.clear}
      </button>
    </div>
  )
}

function Nothing({ one }: { one: Import | null }) {
  if (one !== null && (isRunning(one) || one.stored + one.unchanged > 0)) return <Waiting />
  return <p className="note">{whyNone(one)}</p>
}

function whyNone(one: Import | null): string {
  const { gallery } = t()
  if (one?.state === 'failed') return gallery.noneStored
  return one?.found === 0 ? gallery.noneFound : gallery.noneYet
}

export function Waiting() {
  return (
    <div className="waiting-tiles" role="status">
      <span className="visually-hidden">{t().gallery.awaited}</span>
      {Array.from({ length: 12 }, (_, tile) => (
        <span key={tile} className="tile-waiting" />
      ))}
    </div>
  )
}
