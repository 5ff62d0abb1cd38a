/** The stream, as a picture or as a table. */
import { Toggle } from '@base-ui/react/toggle'
import { ToggleGroup } from '@base-ui/react/toggle-group'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { t } from '../text/language'
import { FlowPicture } from './FlowPicture'
import type { Stream } from './stream'
import { StreamRows, StreamTable } from './StreamTable'
import type { System } from './system'

export function StreamCard({ system, stream }: { system: System; stream: Stream }) {
  const { view = 'picture' } = useSearch({ from: '/flow' })
  const navigate = useNavigate()
  const words = t().flow.stream
  return (
    <section className="card flow-card" aria-labelledby="flow-stream">
      <div className="flow-head">
        <h2 id="flow-stream">{words.title}</h2>
        <ToggleGroup
          className="views"
          aria-label={words.shown}
          value={[view]}
          onValueChange={([chosen]) => {
            if (chosen === undefined) return
            const next = chosen === 'table' ? ('table' as const) : undefined
            void navigate({ to: '/flow', search: (old) => ({ ...old, view: next }), replace: true, resetScroll: false })
          }}
        >
          <Toggle value="picture" className="small">
            {words.picture}
          </Toggle>
          <Toggle value="table" className="small">
            {words.table}
          </Toggle>
        </ToggleGroup>
      </div>
      {view === 'table' ? <StreamTable stream={stream} /> : <FlowPicture system={system} stream={stream} />}
      {view === 'picture' && <HiddenTable stream={stream} />}
    </section>
  )
}

/** For screen readers, which would hear a picture part by part. */
function HiddenTable({ stream }: { stream: Stream }) {
  const { columns, title } = t().flow.stream
  return (
    <div className="visually-hidden">
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            {Object.values(columns).map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <StreamRows stream={stream} readers={stream.readers} />
        </tbody>
      </table>
    </div>
  )
}
