/** One part of the stream: what it is for, who reads it or works in it, and its last events. */
import { useRef } from 'react'
import { t } from '../text/language'
import { Dialog } from '../ui/Dialog'
import { WideTable } from '../ui/WideTable'
import { kindOf, type NodeId } from './layout'
import { isOptional } from './picture'
import type { Stream } from './stream'
import { StreamTable } from './StreamTable'
import type { System } from './system'
import { TopicEvents } from './TopicEvents'
import { WorkersTable } from './WorkersTable'
import { countWords, durationWords, rateWords } from './words'

interface Props {
  readonly id: NodeId
  readonly system: System
  readonly stream: Stream
  readonly onClose: () => void
}

export function NodeDetails({ id, system, stream, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const { name, what } = t().flow.nodes[id]
  const hasEvents = kindOf(id) === 'topic' || id === 'dead.letters'
  return (
    <Dialog ref={dialog} className="node-details" labelledBy="node-name" describedBy="node-what" onClose={onClose}>
      <header className="history-head">
        <h2 id="node-name">{name}</h2>
        <button type="button" aria-label={t().common.close} onClick={() => dialog.current?.close()}>
          ✕
        </button>
      </header>
      <p id="node-what">{what}</p>
      {kindOf(id) === 'topic' && <Topic id={id} stream={stream} />}
      {hasEvents && <TopicEvents topic={id} />}
      {!hasEvents && kindOf(id) !== 'end' && <Workers id={id} system={system} />}
    </Dialog>
  )
}

function Topic({ id, stream }: { id: NodeId; stream: Stream }) {
  const { details, stream: words } = t().flow
  const readers = stream.readers.filter(({ topic }) => topic === id)
  return (
    <>
      <dl className="facts">
        <div>
          <dt>{words.columns.written}</dt>
          <dd>{rateWords(stream.written.get(id))}</dd>
        </div>
        <div>
          <dt>{details.everWritten}</dt>
          <dd>{countWords(stream.ends.get(id))}</dd>
        </div>
      </dl>
      <h3>{details.readers}</h3>
      <StreamTable stream={stream} readers={readers} />
      <details className="numbers">
        <summary>{details.partitions}</summary>
        <WideTable
          label={details.partitions}
          head={[words.columns.reader, details.partition, details.end, words.columns.behind, words.columns.oldest, words.columns.clears]}
        >
          {readers.flatMap(({ group, partitions }) =>
            partitions.map(({ partition, end, messages, seconds, secondsToClear }) => (
              <tr key={`${group} ${partition}`}>
                <th scope="row">{group}</th>
                <td>{partition}</td>
                <td>{countWords(end)}</td>
                <td>{countWords(messages)}</td>
                <td>{durationWords(messages === 0 ? null : seconds)}</td>
                <td>{durationWords(messages === 0 ? null : secondsToClear)}</td>
              </tr>
            )),
          )}
        </WideTable>
      </details>
    </>
  )
}

function Workers({ id, system }: { id: NodeId; system: System }) {
  const { details } = t().flow
  const workers = system.workers.filter(({ service }) => service === id)
  return (
    <>
      <h3>{details.workers}</h3>
      {workers.length === 0 ? <p className="quiet">{isOptional(id) ? details.noWebhooks : details.noWorkers}</p> : <WorkersTable workers={workers} />}
    </>
  )
}
