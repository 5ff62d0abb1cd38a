import { CommandsButton } from '../commands/CommandsButton'
import { formatBytes, formatCount } from '../text/format'
import { t } from '../text/language'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'
import { Time } from '../ui/Time'
import { eventsCommand } from './commands'
import { useTopicEvents } from './queries'
import type { Shown, TopicEvent } from './system'

/** The last events of a topic, as they were when its details were opened or refreshed. */
export function TopicEvents({ topic }: { topic: string }) {
  const { data, error, isFetching, refetch } = useTopicEvents(topic)
  const { events: words, refresh } = t().flow
  return (
    <section className="topic-events" aria-labelledby="topic-events">
      <div className="flow-head">
        <h3 id="topic-events">{words.title}</h3>
        <span className="act">
          <button type="button" className="small" aria-disabled={isFetching} onClick={() => void refetch()}>
            {isFetching ? t().common.busy : refresh}
          </button>
          <CommandsButton what={words.title} commands={() => [eventsCommand(topic)]} />
        </span>
      </div>
      <Retry what={words.what} error={error} hasOlder={false} onRetry={() => void refetch()} />
      {data === undefined && isFetching && <Skeleton label={words.loading} lines={4} />}
      {data?.length === 0 && <p className="quiet">{words.none}</p>}
      <ol className="event-list">
        {data?.map((event) => (
          <li key={`${event.partition}/${event.offset}`}>
            <Event event={event} />
          </li>
        ))}
      </ol>
    </section>
  )
}

function Event({ event }: { event: TopicEvent }) {
  const { events: words } = t().flow
  return (
    <details>
      <summary>
        <Time at={event.at} precise /> <b>{event.type ?? words.unreadable}</b> <code className="event-key">{event.key.data}</code>
      </summary>
      <p className="quiet">{words.place(event.partition, formatCount(event.offset))}</p>
      <ShownValue value={event.value} label={words.value} />
      <h4>{words.headers}</h4>
      <dl className="headers">
        {Object.entries(event.headers).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  )
}

export function ShownValue({ value, label }: { value: Shown; label: string }) {
  const { events: words } = t().flow
  const length = value.isText ? new TextEncoder().encode(value.data).length : Math.floor((value.data.replace(/=+$/, '').length * 3) / 4)
  return (
    <>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- else the keyboard could not scroll it */}
      <pre className="event-value" role="region" tabIndex={0} aria-label={label}>
        {pretty(value)}
      </pre>
      {!value.isText && <p className="quiet">{words.binary}</p>}
      {length < value.size && <p className="quiet">{words.cut(formatBytes(length), formatBytes(value.size))}</p>}
    </>
  )
}

function pretty({ isText, data }: Shown): string {
  if (!isText) return data
  try {
    return JSON.stringify(JSON.parse(data), null, 2)
  } catch {
    return data
  }
}
