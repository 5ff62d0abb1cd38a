/** The records that could not be read, and the way to publish them again. */
import { useState } from 'react'
import { CommandsButton } from '../commands/CommandsButton'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { heading } from '../text/reasons'
import { InEnglish } from '../ui/InEnglish'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'
import { Time } from '../ui/Time'
import { letterCommands } from './commands'
import { useDeadLetters } from './queries'
import { RedriveDialog } from './RedriveDialog'
import type { DeadLetter } from './system'
import { ShownValue } from './TopicEvents'

export function DeadLetters({ known }: { known: number | null }) {
  const { data, error, isFetching, fetchNextPage, hasNextPage, refetch } = useDeadLetters(known)
  const [redriving, setRedriving] = useState(false)
  const { letters: words } = t().flow
  const letters = data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <section className="card flow-card" aria-labelledby="flow-letters">
      <h2 id="flow-letters">
        {words.title} {known !== null && known > 0 && <span className="quiet">{formatCount(known)}</span>}
      </h2>
      <p className="quiet">{words.what}</p>
      <Retry what={words.title} error={error} hasOlder={data !== undefined} onRetry={() => void refetch()} />
      {data === undefined && isFetching && <Skeleton label={words.loading} lines={2} />}
      {data !== undefined && letters.length === 0 && <p className="letters-none">{words.none}</p>}
      <ul className="letters">
        {letters.map((letter) => (
          <li key={letter.number}>
            <Letter letter={letter} />
          </li>
        ))}
      </ul>
      <div className="actions-row">
        {letters.length > 0 && (
          <span className="act">
            <button type="button" className="primary" onClick={() => setRedriving(true)}>
              {words.redrive}
            </button>
            <CommandsButton what={words.redrive} commands={letterCommands} />
          </span>
        )}
        {hasNextPage && (
          <button type="button" aria-disabled={isFetching} onClick={() => !isFetching && void fetchNextPage()}>
            {isFetching ? t().common.busy : words.more}
          </button>
        )}
      </div>
      {redriving && <RedriveDialog onClose={() => setRedriving(false)} />}
    </section>
  )
}

function Letter({ letter }: { letter: DeadLetter }) {
  const { letters: words, events } = t().flow
  return (
    <details>
      <summary>
        <Time at={letter.at} /> <b>{heading(letter.reason)}</b>{' '}
        <span className="quiet">{words.from(letter.topic, letter.partition, formatCount(letter.offset))}</span>
      </summary>
      <p>
        <InEnglish text={letter.message} />
      </p>
      {letter.key.data !== '' && (
        <p className="quiet">
          {events.key}: <code>{letter.key.data}</code>
        </p>
      )}
      <ShownValue value={letter.value} label={events.value} />
    </details>
  )
}
