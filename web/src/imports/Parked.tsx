/** Files that Google will not serve for up to a day. They are tried again without anybody's doing. */
import type { Import } from '../api/types'
import { counted } from '../text/format'
import { hasEnded } from '../text/states'
import { HandsOverFocus } from '../ui/HandsOverFocus'
import { Time } from '../ui/Time'
import { RetryButton } from './RetryButton'
import { useNow } from './useLiveRate'

export function Parked({ one }: { one: Import }) {
  if (one.parked === null) return null
  const { files, reason } = one.parked
  const them = files === 1 ? 'it' : 'them'
  return (
    <HandsOverFocus to="import-title">
      <section className="note parked" aria-labelledby="parked">
        <h3 id="parked">
          {counted(files, 'picture', 'pictures')} cannot be downloaded yet
        </h3>
        <p>
          Too many people have downloaded {them} recently, so Google blocks further downloads for up to 24 hours. The other
          pictures are not affected.
        </p>
        {one.state !== 'cancelled' && (
          <>
            <p>
              <When one={one} them={them} />
            </p>
            <RetryButton
              importId={one.id}
              retry={{ selection: { reason }, failures: { [reason]: files } }}
              label={`Fetch ${them} now`}
              trying={false}
            />
          </>
        )}
      </section>
    </HandsOverFocus>
  )
}

function When({ one, them }: { one: Import; them: string }) {
  const now = useNow(false)
  const after = one.parked?.after ?? null
  const they = them === 'it' ? 'It is' : 'They are'
  const early = 'The block may end sooner, so you can try at any time. Pictures that are already stored are not downloaded again.'
  if (after === null) {
    return hasEnded(one) ? <>{early}</> : <>{they} fetched automatically a day after this import has ended. {early}</>
  }
  // An import that is too old is not tried again automatically, so nothing is promised here.
  if (after.getTime() <= now) return <>The 24 hours are over, so {them === 'it' ? 'it' : 'they'} can be fetched now.</>
  return (
    <>
      {they} fetched automatically at <Time at={after} />. {early}
    </>
  )
}
