/** The stream as a picture: lines as wide as their rate, what each topic holds, and a dot for each worker. */
import { Link } from '@tanstack/react-router'
import { Fragment } from 'react'
import { t } from '../text/language'
import { said } from '../text/reasons'
import { EDGES, kindOf, layoutFor, NODES, pathOf, widthOf, type Layout, type NodeId } from './layout'
import { partOf, rateOf, type Part } from './picture'
import type { Stream } from './stream'
import type { System, Worker } from './system'
import { useIsNarrow } from './useIsNarrow'
import { wordFor } from './words'

const MOST_DOTS = 8
const LINE = 17

interface Props {
  readonly system: System
  readonly stream: Stream
}

export function FlowPicture({ system, stream }: Props) {
  const layout = layoutFor(useIsNarrow())
  return (
    <>
      <svg
        className={`flow-picture ${layout.isTall ? 'flow-tall' : ''}`}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        role="group"
        aria-label={t().flow.stream.label}
      >
        <g aria-hidden>
          {EDGES.map((edge) => {
            const rate = rateOf(edge, stream)
            const path = pathOf(edge, layout)
            return (
              <g key={`${edge.from} ${edge.to}`} data-edge={`${edge.from} ${edge.to}`}>
                <path className="edge" d={path} strokeWidth={widthOf(rate)} />
                {rate !== null && rate > 0 && <path className="edge-moves" d={path} />}
              </g>
            )
          })}
        </g>
        {NODES.map((id) => (
          <Node key={id} part={partOf(id, system, stream)} layout={layout} />
        ))}
      </svg>
      <p className="quiet flow-legend">{t().flow.stream.legend}</p>
    </>
  )
}

function Node({ part, layout }: { part: Part; layout: Layout }) {
  const { id, lines, workers } = part
  const { x, y, width, height } = layout.boxes[id]
  const { name } = t().flow.nodes[id]
  const rows = 1 + lines.length + (workers.length > 0 ? 1 : 0)
  const top = y - ((rows - 1) * LINE) / 2
  return (
    <Link
      to="/flow"
      search={(old) => ({ ...old, node: id })}
      state={{ openedHere: true }}
      resetScroll={false}
      className={`node node-${kindOf(id)}`}
      data-node={id}
    >
      <rect x={x - width / 2} y={y - height / 2} width={width} height={height} rx={kindOf(id) === 'topic' ? 4 : 12} />
      <text className="node-name" x={x} y={top}>
        {name}
      </text>
      {lines.map(({ text, tone }, index) => (
        // The space is between what screen readers read.
        <Fragment key={text}>
          {' '}
          <text className={tone === undefined ? undefined : `node-${tone}`} x={x} y={top + (index + 1) * LINE}>
            {text}
          </text>
        </Fragment>
      ))}
      {workers.length > 0 && <Dots id={id} workers={workers} x={x} y={top + (rows - 1) * LINE} />}
    </Link>
  )
}

/** What each holds and waits for is in the details; here it is a tooltip. */
function Dots({ id, workers, x, y }: { id: NodeId; workers: readonly Worker[]; x: number; y: number }) {
  const shown = workers.slice(0, MOST_DOTS)
  const left = x - ((shown.length - 1) * 11) / 2
  return (
    <g aria-hidden>
      {shown.map((worker, index) => (
        <circle key={worker.id} className={`worker worker-${worker.state}`} cx={left + index * 11} cy={y} r={4}>
          <title>{tooltip(id, worker)}</title>
        </circle>
      ))}
      {workers.length > shown.length && (
        <text className="node-quiet" x={left + shown.length * 11 + 6} y={y}>
          +{workers.length - shown.length}
        </text>
      )}
    </g>
  )
}

function tooltip(id: NodeId, { id: worker, state, holds, waitingFor }: Worker): string {
  return [worker, wordFor(t().flow.workers.states, state), ...(id === 'api' ? [] : [holds.join(' ')]), waitingFor === null ? '' : (said(waitingFor.message, waitingFor.reason) ?? '')]
    .filter((part) => part !== '')
    .join('\n')
}
