/** Where the parts of the stream are in the picture: from left to right, or from top to bottom on a phone. */

export const NODES = [
  'link',
  'api',
  'imports.requested',
  'lister',
  'imports.pages',
  'imports.listed',
  'files.found',
  'transfer',
  'files.stored',
  'files.failed',
  'indexer',
  'rows',
  'monitor',
  'webhooks',
  'dead.letters',
] as const
export type NodeId = (typeof NODES)[number]
export type Kind = 'end' | 'service' | 'topic' | 'side'

export interface Box {
  /** Of its middle. */
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

type Side = 'left' | 'right' | 'top' | 'bottom'

export interface Edge {
  readonly from: NodeId
  readonly to: NodeId
  /** Where its rate comes from: what is written to a topic, or what a group reads of it. */
  readonly written?: string
  readonly read?: readonly [group: string, topic: string]
  /** Where it leaves and arrives, if not as all others do. A shift keeps two edges apart. */
  readonly wide?: readonly [Side, Side, number?]
  readonly tall?: readonly [Side, Side, number?]
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly boxes: Readonly<Record<NodeId, Box>>
  readonly isTall: boolean
}

const SERVICES: ReadonlySet<NodeId> = new Set(['api', 'lister', 'transfer', 'indexer'])
const SIDES: ReadonlySet<NodeId> = new Set(['monitor', 'webhooks', 'dead.letters'])

export function kindOf(node: NodeId): Kind {
  if (node === 'link' || node === 'rows') return 'end'
  if (SIDES.has(node)) return 'side'
  return SERVICES.has(node) ? 'service' : 'topic'
}

export function isNode(name: unknown): name is NodeId {
  return NODES.some((node) => node === name)
}

export const EDGES: readonly Edge[] = [
  { from: 'link', to: 'api', written: 'imports.requested', tall: ['right', 'left'] },
  { from: 'api', to: 'imports.requested', written: 'imports.requested' },
  { from: 'imports.requested', to: 'lister', read: ['lister-requests', 'imports.requested'] },
  { from: 'lister', to: 'imports.pages', written: 'imports.pages', wide: ['bottom', 'top', -16], tall: ['right', 'left', -14] },
  { from: 'imports.pages', to: 'lister', read: ['lister', 'imports.pages'], wide: ['top', 'bottom', 16], tall: ['left', 'right', 14] },
  { from: 'lister', to: 'imports.listed', written: 'imports.listed' },
  { from: 'lister', to: 'files.found', written: 'files.found' },
  { from: 'files.found', to: 'transfer', read: ['transfer', 'files.found'] },
  { from: 'transfer', to: 'files.stored', written: 'files.stored' },
  { from: 'transfer', to: 'files.failed', written: 'files.failed' },
  { from: 'imports.listed', to: 'indexer', read: ['indexer', 'imports.listed'], wide: ['right', 'top'], tall: ['right', 'right'] },
  { from: 'files.stored', to: 'indexer', read: ['indexer', 'files.stored'] },
  { from: 'files.failed', to: 'indexer', read: ['indexer', 'files.failed'] },
  { from: 'indexer', to: 'rows', read: ['indexer', ''] },
]

const TOPIC = { width: 140, height: 102 }

const WIDE: Layout = {
  width: 1160,
  height: 420,
  isTall: false,
  boxes: {
    link: { x: 26, y: 210, width: 50, height: 50 },
    api: { x: 112, y: 210, width: 70, height: 84 },
    'imports.requested': { x: 247, y: 210, ...TOPIC },
    lister: { x: 402, y: 210, width: 112, height: 84 },
    'imports.pages': { x: 402, y: 352, ...TOPIC },
    'imports.listed': { x: 562, y: 68, ...TOPIC },
    'files.found': { x: 562, y: 210, ...TOPIC },
    transfer: { x: 722, y: 210, width: 112, height: 84 },
    'files.stored': { x: 884, y: 150, ...TOPIC },
    'files.failed': { x: 884, y: 270, ...TOPIC },
    indexer: { x: 1028, y: 210, width: 92, height: 84 },
    rows: { x: 1126, y: 210, width: 62, height: 50 },
    'dead.letters': { x: 722, y: 380, width: 136, height: 52 },
    monitor: { x: 884, y: 380, width: 136, height: 52 },
    webhooks: { x: 1046, y: 380, width: 136, height: 52 },
  },
}

const TALL: Layout = {
  width: 360,
  height: 930,
  isTall: true,
  boxes: {
    link: { x: 92, y: 32, width: 56, height: 50 },
    api: { x: 180, y: 42, width: 84, height: 70 },
    'imports.requested': { x: 180, y: 156, width: 150, height: 102 },
    lister: { x: 92, y: 282, width: 128, height: 84 },
    'imports.pages': { x: 270, y: 282, width: 150, height: 102 },
    'files.found': { x: 92, y: 408, width: 150, height: 102 },
    'imports.listed': { x: 270, y: 408, width: 150, height: 102 },
    transfer: { x: 92, y: 528, width: 128, height: 84 },
    'files.stored': { x: 92, y: 654, width: 150, height: 102 },
    'files.failed': { x: 262, y: 654, width: 150, height: 102 },
    indexer: { x: 180, y: 774, width: 128, height: 78 },
    rows: { x: 180, y: 856, width: 84, height: 40 },
    'dead.letters': { x: 58, y: 906, width: 112, height: 46 },
    monitor: { x: 180, y: 906, width: 112, height: 46 },
    webhooks: { x: 302, y: 906, width: 112, height: 46 },
  },
}

export function layoutFor(isTall: boolean): Layout {
  return isTall ? TALL : WIDE
}

/** From the rim of one box to the rim of the other, as an SVG path. */
export function pathOf(edge: Edge, { boxes, isTall }: Layout): string {
  const usual = isTall ? (['bottom', 'top'] as const) : (['right', 'left'] as const)
  const [leaves, arrives, shift = 0] = (isTall ? edge.tall : edge.wide) ?? usual
  const [from, to] = [at(boxes[edge.from], leaves, shift), at(boxes[edge.to], arrives, shift)]
  if (leaves === 'right' && arrives === 'right') return `M${from.x} ${from.y}C${from.x + 14} ${from.y} ${from.x + 14} ${to.y} ${to.x} ${to.y}`
  // Round the corner, above what lies between.
  if (leaves === 'right' && arrives === 'top') return `M${from.x} ${from.y}C${to.x - 28} ${from.y} ${to.x} ${from.y} ${to.x} ${to.y}`
  const [out, into] = [bent(from, leaves, to), bent(to, arrives, from)]
  return `M${from.x} ${from.y}C${out.x} ${out.y} ${into.x} ${into.y} ${to.x} ${to.y}`
}

interface Point {
  readonly x: number
  readonly y: number
}

function at({ x, y, width, height }: Box, side: Side, shift: number): Point {
  if (side === 'left') return { x: x - width / 2, y: y + shift }
  if (side === 'right') return { x: x + width / 2, y: y + shift }
  return { x: x + shift, y: side === 'top' ? y - height / 2 : y + height / 2 }
}

/** Half way to the other end, straight away from the box. */
function bent(from: Point, side: Side, to: Point): Point {
  const isLevel = side === 'left' || side === 'right'
  return isLevel ? { x: (from.x + to.x) / 2, y: from.y } : { x: from.x, y: (from.y + to.y) / 2 }
}

/** In pixels: it grows with the logarithm, so that both 1 and 1,000 a second can be seen. */
export function widthOf(rate: number | null): number {
  return rate === null || rate <= 0 ? 1.5 : Math.min(14, 2 + 1.6 * Math.log2(1 + rate))
}
