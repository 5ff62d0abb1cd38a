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
          {counted(files, 'image', 'images')} cannot be downloaded yet
        </h3>
        <p>
          Google limits downloads of {them} for up to 24 hours because {files === 1 ? 'it was' : 'they were'} downloaded too
          often. Other images are not affected.
        </p>
        {one.state !== 'cancelled' && (
          <>
            <p>
              <When one={one} them={them} />
            </p>
            <RetryButton
              importId={one.id}
              retry={{ selection: { reason }, failures: { [reason]: files } }}
              label={`Try ${them} again now`}
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
  const early = 'The limit may end sooner, so you can try again at any time. Images that are already stored are not downloaded again.'
  if (after === null) {
    return hasEnded(one) ? <>{early}</> : <>{they} tried again automatically 24 hours after this import ends. {early}</>
  }
  // An import that is too old is not tried again automatically, so nothing is promised here.
  if (after.getTime() <= now) return <>The 24 hours are over, so you can try {them} again now.</>
  return (
    <>
      {they} tried again automatically at <Time at={after} />. {early}
    </>
  )
}
