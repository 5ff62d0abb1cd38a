import { describe, expect, it } from 'vitest'
import { IMPORT_STATES } from '../src/api/types'
import {
  counted,
  formatBytes,
  formatCount,
  formatDuration,
  formatMoment,
  formatRate,
  formatType,
  percentOf,
} from '../src/text/format'
import { heading, reasonFor } from '../src/text/reasons'
import { isListing, isRunning, stateWords } from '../src/text/states'
import { anImport } from './builders'

describe('numbers', () => {
  it('have thousands separators', () => {
    expect(formatCount(1_234_567)).toBe('1,234,567')
  })

  it('agree with their noun', () => {
    expect([0, 1, 2].map((n) => counted(n, 'file', 'files'))).toEqual(['0 files', '1 file', '2 files'])
  })

  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [1_234_567_890, '1.2 GB'],
    [2 ** 53, '9.0 PB'],
    [5e18, '5,000.0 PB'],
  ])('%d bytes read as %s', (bytes, words) => {
    expect(formatBytes(bytes)).toBe(words)
  })

  it.each([
    [0, '0.0'],
    [0.44, '0.4'],
    [9.96, '10'],
    [152.4, '152'],
    [1234, '1,234'],
  ])('a rate of %d reads as %s', (rate, words) => {
    expect(formatRate(rate)).toBe(words)
  })

  it('a percentage is 100 only when nothing is left, and never more', () => {
    expect(percentOf(2411, 2412)).toBe(99)
    expect(percentOf(2412, 2412)).toBe(100)
    expect(percentOf(3000, 2412)).toBe(100)
    expect(percentOf(0, 0)).toBe(0)
  })
})

describe('times', () => {
  it.each([
    [-5, '0 s'],
    [0.4, '0 s'],
    [59.6, '1 min'],
    [80, '1 min 20 s'],
    [3600, '1 h'],
    [3725, '1 h 2 min'],
    [90_000, '1 d 1 h'],
  ])('%d seconds read as %s', (seconds, words) => {
    expect(formatDuration(seconds)).toBe(words)
  })

  it('leave out the date only if it is today', () => {
    const now = new Date(2026, 10, 23, 15, 0)
    expect(formatMoment(new Date(2026, 10, 23, 9, 5), now)).not.toMatch(/2026|23/)
    expect(formatMoment(new Date(2026, 10, 22, 9, 5), now)).toMatch(/22/)
    expect(formatMoment(new Date(2026, 10, 24, 9, 5), now)).toMatch(/tomorrow$/)
    expect(formatMoment(new Date(2026, 10, 25, 9, 5), now)).toMatch(/25/)
  })
})

describe('words', () => {
  it.each([
    ['image/jpeg', 'JPEG'],
    ['image/svg+xml', 'SVG'],
    ['image/x-icon', 'ICON'],
    ['application/vnd.google-apps.document', 'Google document'],
    ['nonsense', 'NONSENSE'],
  ])('%s is called %s', (mimeType, words) => {
    expect(formatType(mimeType)).toBe(words)
  })

  it('a reason without words is shown unchanged', () => {
    expect(reasonFor('brand_new_reason')).toEqual({ title: 'brand_new_reason' })
    expect(heading('brand_new_reason')).toBe('brand_new_reason')
  })

  it('a heading starts with a capital letter', () => {
    expect(reasonFor('not_an_image').title).toBe('not an image')
    expect(heading('not_an_image')).toBe('Not an image')
  })

  it('an unknown state is shown unchanged, and does not count as running', () => {
    expect(stateWords('healing').label).toBe('healing')
    expect(isRunning({ state: 'healing' })).toBe(false)
  })

  it('only a queued or listing import may find more', () => {
    expect(IMPORT_STATES.filter((state) => isListing(anImport({ state })))).toEqual(['queued', 'listing'])
  })

  it('a paused or cancelled import may find more if it was stopped before all folders were listed', () => {
    const stopped = { state: 'paused', folders_found: 3, folders_listed: 1, folders_failed: 1 }
    expect(isListing(anImport(stopped))).toBe(true)
    expect(isListing(anImport({ ...stopped, folders_failed: 2 }))).toBe(false)
    expect(isListing(anImport({ ...stopped, state: 'cancelled' }))).toBe(true)
    expect(isListing(anImport({ state: 'paused', folders_found: 0, folders_listed: 0 }))).toBe(true)
  })
})
