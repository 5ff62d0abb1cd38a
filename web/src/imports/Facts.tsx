import type { Import } from '../api/types'
import { useSpeedLimit } from '../queries'
import { counted, formatBytes, formatCount, formatDuration, formatRate } from '../text/format'
import { t } from '../text/language'
import { hasEnded, isListing, isRunning } from '../text/states'
import { Fact } from '../ui/Fact'
import { Time } from '../ui/Time'
import { limitWords, roughly, secondsSpent, timeLeft, waitingFor, waitingOf, type Rate } from './progress'
import { useNow, useSpeed, type Speed } from './useLiveRate'
import { WaitingLine } from './WaitingLine'

/** Size, speed and times of an import, and what it waits for. */
export function Facts({ one }: { one: Import }) {
  const running = isRunning(one)
  // Also while it is paused, so that the time at which it goes on is known.
  const now = useNow(!hasEnded(one))
  const rates = useSpeed(one, now)
  const spent = secondsSpent(one, running ? new Date(now) : one.updatedAt)
  const waiting = waitingOf(one)
  const words = t().report.facts
  return (
    <>
      {waiting !== null && <WaitingLine waiting={waiting} />}
      <SpeedLimit one={one} />
      <dl className="facts">
        <Fact name={words.found}>{formatBytes(one.foundBytes)}</Fact>
        <Fact name={words.copied}>{formatBytes(one.storedBytes)}</Fact>
        <Fact name={running ? words.speed : words.averageSpeed}>{speed(rates.lately)}</Fact>
        <Fact name={hasEnded(one) ? words.took : words.runningFor}>
          {spent === null ? '–' : formatDuration(spent)}
        </Fact>
        {!hasEnded(one) && waiting === null && <Fact name={words.timeLeft}>{left(one, rates)}</Fact>}
        <Fact name={words.folders}>{folders(one)}</Fact>
        {one.bulk && !hasEnded(one) && <Fact name={words.priority}>{words.bulk}</Fact>}
        {one.requestedAt !== null && (
          <Fact name={words.started}>
            <Time at={one.requestedAt} />
          </Fact>
        )}
      </dl>
    </>
  )
}

/** What keeps it from being faster. */
function SpeedLimit({ one }: { one: Import }) {
  const ofSystem = useSpeedLimit(one)
  if (!isRunning(one) || one.waitingFor !== null) return null
  const why = one.limitedBy === null ? ofSystem && limitWords(ofSystem) : waitingFor(one.limitedBy)
  if (why === null) return null
  return (
    <p className="limit">
      <b>{t().report.facts.limit}</b> {why}
    </p>
  )
}

function speed(rate: Rate | null): string {
  if (rate === null) return '–'
  return parts(t().report.facts.filesPerSecond(formatRate(rate.files)), t().report.facts.perSecond(formatBytes(rate.bytes)))
}

function left(one: Import, { lately, longer }: Speed): string {
  if (one.state === 'paused') return t().report.facts.paused
  const words = t().report.facts
  if (lately === null) return words.estimating
  const time = timeLeft(one, lately, longer)
  if (time === null) return isListing(one) ? words.afterListing : '–'
  const least = formatDuration(roughly(time.least))
  if (time.most === null) return words.atLeast(least)
  const most = formatDuration(roughly(time.most))
  return least === most ? words.about(least) : words.between(least, most)
}

function folders(one: Import): string {
  const words = t().report.facts
  const all = counted(one.foldersFound, ...t().common.folder)
  const listed = one.foldersListed < one.foldersFound ? words.listedOf(formatCount(one.foldersListed), all) : words.listed(all)
  return one.foldersFailed === 0 ? listed : parts(listed, words.failed(formatCount(one.foldersFailed)))
}

/** Separated by commas. A line breaks only after a comma, so that a number stays with its unit. */
function parts(...all: string[]): string {
  return all.map((part) => part.replaceAll(' ', '\u00a0')).join(', ')
}
