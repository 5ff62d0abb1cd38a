/** The images that an import stored, or that were stored already. */
import { useEffect, useRef } from 'react'
import type { Import, Picture } from '../api/types'
import { useAllPictures, usePictures } from '../queries'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { isRunning } from '../text/states'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'
import { Lightbox } from './Lightbox'
import { Tile } from './Tile'
import { useOpenImage } from './useOpenImage'

export function Gallery({ one }: { one: Import }) {
  const query = usePictures(one)
  const pictures = query.data?.pages.flatMap(({ items }) => items) ?? []
  const stored = one.stored + one.unchanged
  const { gallery } = t()
  return (
    <section className="gallery" aria-labelledby="pictures">
      <h2 id="pictures">
        {gallery.title}{' '}
        {pictures.length > 0 && (
          <span className="quiet">
            {pictures.length < stored
              ? gallery.shown(formatCount(pictures.length), formatCount(stored))
              : formatCount(pictures.length)}
          </span>
        )}
      </h2>
      <Retry what={gallery.list} error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      {pictures.length > 0 ? (
        <Grid importId={one.id} pictures={pictures} />
      ) : (
        query.error === null && <NoPictures one={one} loading={query.isPending || stored > 0} />
      )}
      <More query={query} />
    </section>
  )
}

/** Of all imports together. */
export function AllImages() {
  const query = useAllPictures()
  const pictures = query.data?.pages.flatMap(({ items }) => items) ?? []
  const { gallery } = t()
  return (
    <section className="gallery" aria-label={gallery.all}>
      <Retry what={gallery.list} error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      {query.isPending && <Skeleton label={gallery.list} lines={4} />}
      {query.isSuccess && pictures.length === 0 && <p className="note">{gallery.noneYet}</p>}
      <Grid importId={null} pictures={pictures} />
      <More query={query} />
    </section>
  )
}

function More({ query }: { query: ReturnType<typeof useAllPictures> }) {
  if (!query.hasNextPage) return null
  return (
    <button type="button" className="more" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
      {query.isFetchingNextPage ? t().common.busy : t().gallery.more}
    </button>
  )
}

function Grid({ importId, pictures }: { importId: string | null; pictures: readonly Picture[] }) {
  const { image, open, go, close } = useOpenImage()
  const grid = useRef<HTMLUListElement>(null)
  const index = pictures.findIndex(({ driveId }) => driveId === image)
  const shown = pictures[index]

  useEffect(() => {
    if (image === null) return undefined
    const element = grid.current
    // However it is closed, the focus returns to the image that was viewed last.
    return () => {
      const tiles = element?.querySelectorAll<HTMLElement>('[data-picture]') ?? []
      Array.from(tiles).find((tile) => tile.dataset['picture'] === image)?.focus()
    }
  }, [image])

  return (
    <>
      <ul className="grid" ref={grid}>
        {pictures.map((picture) => (
          <li key={picture.driveId}>
            <Tile picture={picture} onOpen={open} />
          </li>
        ))}
      </ul>
      {shown !== undefined && (
        <Lightbox
          importId={importId}
          picture={shown}
          before={pictures[index - 1]?.driveId}
          after={pictures[index + 1]?.driveId}
          onGo={go}
          onClose={close}
        />
      )}
    </>
  )
}

function NoPictures({ one, loading }: { one: Import; loading: boolean }) {
  if (isRunning(one) || loading) {
    return (
      <div className="grid" role="status">
        <span className="visually-hidden">{t().gallery.awaited}</span>
        {Array.from({ length: 6 }, (_, tile) => (
          <span key={tile} className="tile-waiting" />
        ))}
      </div>
    )
  }
  return <p className="note">{whyNone(one)}</p>
}

function whyNone(one: Import): string {
  const { gallery } = t()
  if (one.state === 'failed') return gallery.noneStored
  return one.found === 0 ? gallery.noneFound : gallery.noneYet
}
