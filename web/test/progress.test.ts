import { describe, expect, it } from 'vitest'
import {
  addsUp,
  announce,
  averageRate,
  byCount,
  equation,
  percentDone,
  rateBetween,
  roughly,
  secondsSpent,
  shares,
  timeLeft,
  total,
} from '../src/imports/progress'
import { anImport } from './builders'

const running = (changes: Record<string, unknown> = {}) =>
  anImport({ state: 'transferring', finished_at: null, found: 100, stored: 40, failed: 0, pending: 60, ...changes })

describe('the equation', () => {
  it('reads as in the report', () => {
    expect(equation(anImport())).toBe('2,412 found = 2,400 stored + 0 unchanged + 12 failed + 0 pending')
  })

  it('is checked', () => {
    expect(addsUp(anImport())).toBe(true)
    expect(addsUp(anImport({ pending: 1 }))).toBe(false)
  })
})

describe('the bar', () => {
  it('is filled by its parts', () => {
    const { stored, unchanged, failed, pending } = shares(running({ unchanged: 10, failed: 10, pending: 40 }))
    expect([stored, unchanged, failed, pending]).toEqual([40, 10, 10, 40])
  })

  it('is empty while nothing is found', () => {
    expect(shares(running({ found: 0, stored: 0, pending: 0 }))).toEqual({ stored: 0, unchanged: 0, failed: 0, pending: 0 })
  })

  it('shows one failure in a million, and still fits', () => {
    const parts = shares(anImport({ found: 1_000_000, stored: 999_999, failed: 1 }))
    expect(parts.failed).toBeGreaterThan(0.5)
    expect(parts.stored + parts.failed).toBeCloseTo(100)
  })

  it('never overflows, even if the counts contradict each other', () => {
    const parts = shares(anImport({ found: 10, stored: 30, failed: 10 }))
    expect(parts.stored + parts.failed).toBeCloseTo(100)
  })
})

describe('the percentage', () => {
  it('counts every outcome, and rounds down', () => {
    expect(percentDone(running({ found: 200, stored: 100, unchanged: 50, failed: 49, pending: 1 }))).toBe(99)
  })

  it('is unknown while the folder is being listed', () => {
    expect(percentDone(running({ state: 'listing' }))).toBeNull()
    expect(percentDone(running({ found: 0, stored: 0, pending: 0 }))).toBeNull()
  })
})

describe('speed and time', () => {
  it('are measured between two samples', () => {
    const rate = rateBetween({ at: 0, done: 10, bytes: 1000 }, { at: 5_000, done: 60, bytes: 6000 })
    expect(rate).toEqual({ files: 10, bytes: 1000 })
  })

  it('are unknown if the samples are too close together', () => {
    expect(rateBetween({ at: 0, done: 0, bytes: 0 }, { at: 900, done: 50, bytes: 5 })).toBeNull()
  })

  it('are never negative, even if counts go down', () => {
    expect(rateBetween({ at: 0, done: 9, bytes: 9 }, { at: 9_000, done: 0, bytes: 0 })).toEqual({ files: 0, bytes: 0 })
  })

  it('are averaged over the whole import', () => {
    expect(averageRate(anImport())).toEqual({ files: 2412 / 20, bytes: 2_900_000 / 20 })
    expect(averageRate(running({ stored: 0, pending: 100 }))).toBeNull()
    expect(averageRate(anImport({ requested_at: null }))).toBeNull()
  })

  it('are not exaggerated for an import that took no time', () => {
    const one = anImport({ finished_at: '2026-11-23T10:00:00.010Z' })
    expect(averageRate(one)?.files).toBe(2412)
  })

  it('end with the import, and are never negative', () => {
    expect(secondsSpent(anImport(), new Date())).toBe(20)
    expect(secondsSpent(running(), new Date('2026-11-23T09:59:00Z'))).toBe(0)
    expect(secondsSpent(running(), null)).toBeNull()
  })

  it('include the time left as a range, or its least while files are found', () => {
    const [fast, slow, none] = [20, 10, 0].map((files) => ({ files, bytes: 1 }))
    if (fast === undefined || slow === undefined || none === undefined) throw new Error('three rates')
    expect(timeLeft(running(), fast, null)).toEqual({ least: 3, most: 3 })
    expect(timeLeft(running(), slow, fast)).toEqual({ least: 3, most: 6 })
    expect(timeLeft(running({ state: 'listing' }), fast, slow)).toEqual({ least: 3, most: null })
    expect(timeLeft(running(), none, fast)).toBeNull()
    expect(timeLeft(running(), null, fast)).toBeNull()
    expect(timeLeft(anImport({ state: 'paused' }), fast, fast)).toBeNull()
  })

  it('are no more exact than an estimate can be', () => {
    expect([0, 0.2, 3.2, 7, 58, 89, 3_000, 4_000, 100_000].map(roughly)).toEqual([1, 1, 4, 5, 60, 60, 3_000, 4_200, 100_800])
  })
})

describe('reasons', () => {
  it('are sorted by count, then by name, without empty ones', () => {
    expect(byCount({ b: 2, a: 2, none: 0, most: 9 })).toEqual([
      ['most', 9],
      ['a', 2],
      ['b', 2],
    ])
    expect(total({ a: 2, b: 3 })).toBe(5)
  })
})

describe('what is announced', () => {
  const said = (...samples: Parameters<typeof announce>[1][]) => {
    const texts: string[] = []
    samples.reduce<ReturnType<typeof announce> | null>((last, one) => {
      const next = announce(last, one)
      if (next !== last) texts.push(next.text)
      return next
    }, null)
    return texts
  }

  it('is each ten percent, and nothing in between', () => {
    const samples = [5, 9, 10, 11, 19, 34].map((stored) => running({ stored, pending: 100 - stored }))
    expect(said(...samples)).toEqual(['Holidays: Copying.', '10 percent: 10 of 100 files.', '30 percent: 34 of 100 files.'])
  })

  it('is each state, the last with the equation', () => {
    const samples = [running({ state: 'listing' }), running(), anImport()]
    expect(said(...samples)).toEqual([
      'Holidays: Listing and copying.',
      'Holidays: Copying.',
      'Holidays: Completed. 2,412 found = 2,400 stored + 0 unchanged + 12 failed + 0 pending.',
    ])
  })

  it('is each wait, but not each change of its end', () => {
    const waiting = (until: string) =>
      running({ waiting_for: { reason: 'store_unreachable', message: 'The storage does not respond.', until } })
    const samples = [running(), waiting('2026-11-23T15:40:00Z'), waiting('2026-11-23T15:41:00Z'), running()]
    expect(said(...samples)).toEqual([
      'Holidays: Copying.',
      expect.stringMatching(/^Holidays: Waiting until .*: The storage does not respond\.$/),
      'Holidays: Copying.',
    ])
  })

  it('is nothing for an import that had ended before it was opened', () => {
    expect(said(anImport())).toEqual([''])
  })

  it('starts again with another import', () => {
    expect(said(running({ stored: 50, pending: 50 }), running({ id: 'job-2' }))).toEqual([
      'Holidays: Copying.',
      'Holidays: Copying.',
    ])
  })
})
