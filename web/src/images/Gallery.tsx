/** The pictures that an import stored, or that were stored already. */
import { useRef, useState } from 'react'
import type { Import, Picture } from '../api/types'
import { usePictures } from '../queries'
import { formatCount } from '../text/format'
import { isRunning } from '../text/states'
import { Retry } from '../ui/Retry'
import { Lightbox } from './Lightbox'
import { Tile } from './Tile'

export function Gallery({ one }: { one: Import }) {
  const query = usePictures(one)
  const pictures = query.data?.pages.flatMap(({ items }) => items) ?? []
  const stored = one.stored + one.unchanged
  return (
    <section className="gallery" aria-labelledby="pictures">
      <h3 id="pictures">
        Images{' '}
        {pictures.length > 0 && (
          <span className="quiet">
            {pictures.length < stored
              ? `${formatCount(pictures.length)} of ${formatCount(stored)} shown`
              : formatCount(pictures.length)}
          </span>
        )}
      </h3>
      <Retry what="The images" error={query.error} hasOlder={query.data !== undefined} onRetry={() => void query.refetch()} />
      {pictures.length > 0 ? (
        <Grid importId={one.id} pictures={pictures} />
      ) : (
        query.error === null && <NoPictures one={one} loading={query.isPending || stored > 0} />
      )}
      {query.hasNextPage && (
        <button type="button" className="more" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {query.isFetchingNextPage ? 'Loading…' : 'Show more images'}
        </button>
      )}
    </section>
  )
}

function Grid({ importId, pictures }: { importId: string; pictures: readonly Picture[] }) {
  const [openId, setOpenId] = useState<string | null>(null)
  const grid = useRef<HTMLUListElement>(null)
  const index = pictures.findIndex(({ driveId }) => driveId === openId)
  const open = pictures[index]

  function close() {
    setOpenId(null)
    // Return the focus to the picture that was viewed last.
    const tiles = grid.current?.querySelectorAll<HTMLElement>('[data-picture]') ?? []
    Array.from(tiles).find((tile) => tile.dataset['picture'] === openId)?.focus()
  }

  return (
    <>
      <ul className="grid" ref={grid}>
        {pictures.map((picture) => (
          <li key={picture.driveId}>
            <Tile picture={picture} onOpen={setOpenId} />
          </li>
        ))}
      </ul>
      {open !== undefined && (
        <Lightbox
          importId={importId}
          picture={open}
          before={pictures[index - 1]?.driveId}
          after={pictures[index + 1]?.driveId}
          onGo={setOpenId}
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
        <span className="visually-hidden">The first images will appear here.</span>
        {Array.from({ length: 6 }, (_, tile) => (
          <span key={tile} className="tile-waiting" />
        ))}
      </div>
    )
  }
  return <p className="note">{whyNone(one)}</p>
}

function whyNone(one: Import): string {
  if (one.state === 'failed') return 'No images were stored.'
  if (one.found === 0) return 'This folder contains no images.'
  return 'No images have been stored.'
}
