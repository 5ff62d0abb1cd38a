import { describe, expect, it } from 'vitest'
import { hourOf } from '../src/flow/hour'
import { EDGES, kindOf, layoutFor, NODES, pathOf, widthOf } from '../src/flow/layout'
import { furthestBehind, rateOf } from '../src/flow/picture'
import { lookOf, streamOf, withLook, type Look } from '../src/flow/stream'
import type { PartitionLag, System } from '../src/flow/system'

const NOON = Date.parse('2026-11-26T12:00:00Z')

function lag(changes: Partial<PartitionLag> = {}): PartitionLag {
  return { group: 'transfer', topic: 'files.found', partition: 0, end: 0, messages: 0, seconds: 0, secondsToClear: 0, ...changes }
}

function system(seconds: number, ...partitions: PartitionLag[]): System {
  return {
    asOf: new Date(NOON + seconds * 1000),
    limit: { reason: 'unknown', message: '' },
    lag: partitions,
    lagAsOf: new Date(NOON + seconds * 1000),
    workers: [],
    workersKnown: 0,
    quota: { unit: 'units', limit: null, used: 0, parts: [] },
    minutes: [],
    deadLetters: 0,
    unknown: [],
  }
}

function seen(...looks: readonly System[]) {
  const kept = looks.reduce<readonly Look[]>((before, look) => withLook(before, lookOf(look)), [])
  const last = looks.at(-1)
  if (last === undefined) throw new Error('one look at least')
  return streamOf(last, kept)
}

describe('the stream', () => {
  it('is written and read as fast as its offsets move, each partition counted once', () => {
    const stream = seen(
      system(0, lag({ end: 100, messages: 100 }), lag({ partition: 1, end: 50, messages: 50 }), lag({ group: 'other', end: 100, messages: 0 })),
      system(10, lag({ end: 200, messages: 160 }), lag({ partition: 1, end: 50, messages: 0 }), lag({ group: 'other', end: 200, messages: 0 })),
    )
    expect([stream.written.get('files.found'), stream.ends.get('files.found')]).toEqual([10, 250])
    expect(stream.readers.map(({ group, rate, messages }) => [group, rate, messages])).toEqual([
      ['transfer', 9, 160],
      ['other', 10, 0],
    ])
  })

  it('has no rates before the second look, nor after a gap, nor of a topic that was made anew', () => {
    const at = (seconds: number, end: number) => system(seconds, lag({ end }))
    expect(seen(at(0, 100)).written.get('files.found')).toBeNull()
    expect(seen(at(0, 100), at(1, 200)).written.get('files.found')).toBeNull()
    expect(seen(at(0, 100), at(60, 200)).written.get('files.found')).toBeNull()
    expect(seen(at(0, 100), at(10, 5)).written.get('files.found')).toBeNull()
    expect(seen(at(10, 100), at(0, 50)).written.get('files.found')).toBeNull()
    expect(seen({ ...at(0, 1), lagAsOf: null }, at(2, 3)).written.get('files.found')).toBeNull()
  })

  it('is of the last half minute', () => {
    const looks = [0, 10, 20, 30, 40].map((seconds) => lookOf(system(seconds, lag({ end: seconds < 20 ? 0 : seconds * 10 }))))
    const kept = looks.reduce<readonly Look[]>(withLook, [])
    expect(kept.map(({ at }) => (at - NOON) / 1000)).toEqual([10, 20, 30, 40])
  })

  it('waits as long as its slowest partition', () => {
    const reader = (...partitions: PartitionLag[]) => seen(system(0, ...partitions)).readers[0]
    const slow = lag({ partition: 1, end: 9, messages: 9, seconds: 80, secondsToClear: 20 })
    expect(reader(lag({ messages: 1, seconds: 5, secondsToClear: 40 }), slow)).toMatchObject({ messages: 10, seconds: 80, secondsToClear: 40 })
    expect(reader(lag({ messages: 1, seconds: null, secondsToClear: null }), slow)).toMatchObject({ seconds: null, secondsToClear: null })
    expect(reader(lag({ seconds: null }))).toMatchObject({ messages: 0, seconds: 0 })
  })

  it('is as late as the reader that is furthest behind', () => {
    const stream = seen(system(0, lag({ messages: 1 }), lag({ group: 'other', messages: 7 })))
    expect(furthestBehind('files.found', stream)?.group).toBe('other')
    expect(furthestBehind('files.lost', stream)).toBeUndefined()
  })
})

describe('the picture', () => {
  it.each([true, false])('has every part in sight and no two in the same place (tall: %s)', (isTall) => {
    const { boxes, width, height } = layoutFor(isTall)
    const all = NODES.map((id) => boxes[id])
    for (const box of all) {
      expect(box.x - box.width / 2).toBeGreaterThanOrEqual(0)
      expect(box.x + box.width / 2).toBeLessThanOrEqual(width)
      expect(box.y + box.height / 2).toBeLessThanOrEqual(height)
    }
    const overlaps = all.flatMap((one, index) =>
      all.slice(index + 1).filter((other) => Math.abs(one.x - other.x) < (one.width + other.width) / 2 && Math.abs(one.y - other.y) < (one.height + other.height) / 2),
    )
    expect(overlaps).toEqual([])
  })

  it('connects every part of the stream, with a width for each rate', () => {
    const ends = new Set(EDGES.flatMap(({ from, to }) => [from, to]))
    expect(NODES.filter((id) => kindOf(id) !== 'side' && !ends.has(id))).toEqual([])
    for (const edge of EDGES) expect(pathOf(edge, layoutFor(true))).toMatch(/^M[\d.-]+ [\d.-]+C[\d. -]+$/)
    const widths = [null, 0, 0.1, 1, 10, 1_000, 1e9].map(widthOf)
    expect(widths).toEqual(widths.toSorted((a, b) => a - b))
    expect(widths.at(-1)).toBe(14)
  })

  it('draws a line to the rows as wide as all that the indexer reads', () => {
    const read = (end: number) => [lag({ group: 'indexer', topic: 'files.stored', end }), lag({ group: 'indexer', topic: 'files.failed', end })]
    const stream = seen(system(0, ...read(0)), system(10, ...read(50)))
    const rate = (to: string) => rateOf(EDGES.find((edge) => edge.to === to) ?? { from: 'link', to: 'api' }, stream)
    expect([rate('rows'), rate('transfer')]).toEqual([10, null])
  })
})

describe('the last hour', () => {
  const minute = (minutesAgo: number, files: number) => ({
    start: new Date(NOON - minutesAgo * 60_000),
    found: files,
    stored: files,
    unchanged: 1,
    failed: 2,
    bytes: 3_000_000,
  })

  it('has a point for each minute that is over, and a gap where nobody counted', () => {
    const { points, sum, busiest } = hourOf({ asOf: new Date(NOON + 30_000), minutes: [minute(3, 5), minute(1, 7), minute(0, 9)] })
    expect(points.times).toHaveLength(60)
    expect(points.files.slice(-3)).toEqual([6, null, 8])
    expect([points.failed.at(-1), points.megabytes.at(-1)]).toEqual([2, 3])
    expect(sum).toEqual({ files: 24, failed: 6, bytes: 9_000_000 })
    expect(busiest?.stored).toBe(9)
  })

  it('may be empty', () => {
    const { points, busiest } = hourOf({ asOf: new Date(NOON), minutes: [] })
    expect([new Set(points.files), busiest]).toEqual([new Set([null]), null])
  })
})
