/** What the system does now: the stream live, what limits it, the last hour, quota, workers, dead letters. */
import { useAuthorized } from '../api/access'
import { ApiError } from '../api/errors'
import { MOUNT } from '../api/http'
import { apiPath } from '../api/path'
import { CommandsButton } from '../commands/CommandsButton'
import { Age } from '../flow/Age'
import { systemCommand } from '../flow/commands'
import { DeadLetters } from '../flow/DeadLetters'
import { HourCard } from '../flow/HourCard'
import { LimitCard } from '../flow/LimitCard'
import { NodeDetails } from '../flow/NodeDetails'
import { QuotaCard } from '../flow/QuotaCard'
import { useFollowSystem, useSystem, type Seen } from '../flow/queries'
import { streamOf } from '../flow/stream'
import { StreamCard } from '../flow/StreamCard'
import { useOpenNode } from '../flow/useOpenNode'
import { WorkersTable } from '../flow/WorkersTable'
import '../styles/flow.css'
import '../styles/stream.css'
import '../styles/tables.css'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { InEnglish } from '../ui/InEnglish'
import { PageTitle } from '../ui/PageTitle'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'

export function FlowPage() {
  const { data, error, isPending, isFetching, dataUpdatedAt, refetch } = useSystem()
  const { flow } = t()
  const isForbidden = error instanceof ApiError && error.status === 403
  return (
    <div className="flow">
      <Follow />
      <div className="flow-head">
        <PageTitle>{flow.title}</PageTitle>
        {data !== undefined && <Age at={dataUpdatedAt} isFetching={isFetching} onRefresh={() => void refetch()} />}
      </div>
      {isForbidden ? (
        <p className="note note-bad">{flow.noScope}</p>
      ) : (
        <Retry what={flow.what} error={error} hasOlder={data !== undefined} onRetry={() => void refetch()} />
      )}
      {isPending && <Skeleton label={flow.loading} lines={8} />}
      {data !== undefined && !isForbidden && <Whole seen={data} />}
    </div>
  )
}

/** On its own, so that an event renders nothing else. */
function Follow() {
  useFollowSystem()
  return null
}

function Whole({ seen: { system, looks } }: { seen: Seen }) {
  const { node, close } = useOpenNode()
  const stream = streamOf(system, looks)
  const address = useAuthorized(MOUNT + apiPath('/system'))
  return (
    <>
      {system.unknown.length > 0 && (
        <ul className="note unknown">
          {system.unknown.map((said) => (
            <li key={said}>
              <InEnglish text={said} />
            </li>
          ))}
        </ul>
      )}
      <LimitCard limit={system.limit} />
      <StreamCard system={system} stream={stream} />
      <HourCard system={system} />
      <div className="flow-two">
        <QuotaCard quota={system.quota} />
        <DeadLetters known={system.deadLetters} />
      </div>
      <Workers system={system} />
      <p className="quiet">
        {t().flow.whole} <a href={address}>GET /system</a> <CommandsButton what={t().flow.what} commands={() => [systemCommand()]} />
      </p>
      {node !== null && <NodeDetails key={node} id={node} system={system} stream={stream} onClose={close} />}
    </>
  )
}

function Workers({ system: { workers, workersKnown } }: Pick<Seen, 'system'>) {
  const { workers: words } = t().flow
  return (
    <section className="card flow-card" aria-labelledby="flow-workers">
      <h2 id="flow-workers">{words.title}</h2>
      {workers.length === 0 ? <p className="quiet">{words.none}</p> : <WorkersTable workers={workers} />}
      {workersKnown > workers.length && <p className="quiet">{words.more(formatCount(workersKnown))}</p>}
    </section>
  )
}
