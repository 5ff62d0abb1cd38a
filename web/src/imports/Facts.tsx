import type { ReactNode } from 'react'
import type { Import } from '../api/types'
import { counted, formatBytes, formatCount, formatDuration, formatRate } from '../text/format'
import { hasEnded, isListing, isRunning } from '../text/states'
import { Time } from '../ui/Time'
import { secondsSpent, timeLeft, waitingOf, type Rate } from './progress'
import { useLiveRate, useNow } from './useLiveRate'
import { WaitingLine } from './WaitingLine'

/** Size, speed and times of an import, and what it waits for. */
export function Facts({ one }: { one: Import }) {
  const running = isRunning(one)
  const now = useNow(running)
  const rate = useLiveRate(one, now)
  const spent = secondsSpent(one, running ? new Date(now) : one.updatedAt)
  const waiting = waitingOf(one)
  return (
    <>
      {waiting !== null && <WaitingLine waiting={waiting} />}
      {running && waiting === null && one.limitedBy !== null && <p>{one.limitedBy.message}</p>}
      <dl className="facts">
        <Fact name="Found">{formatBytes(one.foundBytes)}</Fact>
        <Fact name="Copied">{formatBytes(one.storedBytes)}</Fact>
        <Fact name={running ? 'Speed' : 'Average speed'}>{speed(rate)}</Fact>
        <Fact name={hasEnded(one) ? 'Took' : 'Running for'}>
          {spent === null ? '–' : formatDuration(spent)}
        </Fact>
        {!hasEnded(one) && waiting === null && <Fact name="Time left">{left(one, rate)}</Fact>}
        <Fact name="Folders">{folders(one)}</Fact>
        {one.requestedAt !== null && (
          <Fact name="Started">
            <Time at={one.requestedAt} />
          </Fact>
        )}
      </dl>
    </>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function speed(rate: Rate | null): string {
  if (rate === null) return '–'
  return parts(`${formatRate(rate.files)} files/s`, `${formatBytes(rate.bytes)}/s`)
}

function left(one: Import, rate: Rate | null): string {
  if (one.state === 'paused') return 'paused'
  if (isListing(one)) return 'known once all folders are listed'
  const seconds = timeLeft(one, rate)
  return seconds === null ? '–' : `about ${formatDuration(Math.max(1, seconds))}`
}

function folders(one: Import): string {
  const all = counted(one.foldersFound, 'folder', 'folders')
  const listed = one.foldersListed < one.foldersFound ? `${formatCount(one.foldersListed)} of ${all} listed` : `${all} listed`
  return one.foldersFailed === 0 ? listed : parts(listed, `${formatCount(one.foldersFailed)} failed`)
}

/** Separated by commas. A line breaks only after a comma, so that a number stays with its unit. */
function parts(...all: string[]): string {
  return all.map((part) => part.replaceAll(' ', '\u00a0')).join(', ')
}
