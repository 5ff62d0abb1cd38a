import { screen } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { importJson } from './builders'
import { FakeApi } from './fakeApi'
import { pass, showImport } from './showPage'

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
})

describe('a running import', () => {
  it('shows the speed of the stream, and the time left as a range', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T10:01:40Z') })
    const running = { state: 'transferring', found: 3_000, stored: 1_000, failed: 0, pending: 2_000, finished_at: null }
    api.imports = [importJson({ ...running, updated_at: '2026-11-23T10:01:40Z' })]
    await showImport()
    await pass(20)
    const rates = { as_of: '2026-11-23T10:01:40Z', seconds: 30, found_per_second: 0, stored_per_second: 4, failed_per_second: 1, bytes_per_second: 2_000_000 }
    api.streams.at(-1)?.event('rates', rates)
    await pass(31_000)
    expect(screen.getByText('5.0 files/s, 2.0 MB/s')).toBeDefined()
    expect(screen.getByText('about 7 min')).toBeDefined()
    const { stored, pending } = { stored: 1_710, pending: 1_290 }
    api.imports = [importJson({ ...running, stored, pending, updated_at: '2026-11-23T10:02:50Z' })]
    await pass(40_000)
    expect(screen.getByText('2 min to 4 min')).toBeDefined()
    api.imports = [importJson({ ...running, stored, pending, state: 'listing', folders_listed: 1, updated_at: '2026-11-23T10:02:50Z' })]
    await pass(1_000)
    expect(screen.getByText('at least 2 min')).toBeDefined()
  })

  it.each(['paused', 'transferring'])('says nothing of the time left until it has a rate, after it was %s', async (before) => {
    vi.useFakeTimers({ now: new Date('2026-11-24T10:00:00Z') })
    // Requested a day before: so much for the average.
    const running = { state: 'transferring', found: 3_000, stored: 1_000, failed: 0, pending: 2_000, finished_at: null, updated_at: '2026-11-24T10:00:00Z' }
    api.imports = [importJson({ ...running, state: before })]
    await showImport()
    await pass(20)
    api.imports = [importJson(running)]
    await pass(1_000)
    // The last half minute, of which it ran for a second.
    api.streams.at(-1)?.event('rates', { as_of: '2026-11-24T10:00:01Z', seconds: 30, found_per_second: 0, stored_per_second: 0.3, failed_per_second: 0, bytes_per_second: 1 })
    await pass(20)
    expect(screen.getByText('Time left').nextSibling?.textContent).toBe('estimating…')
    api.imports = [importJson({ ...running, stored: 1_050, pending: 1_950, updated_at: '2026-11-24T10:00:06Z' })]
    await pass(5_000)
    expect(screen.getByText('Time left').nextSibling?.textContent).toMatch(/^(about )?[34] min/)
  })

  it('does not count the time before it began', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T10:00:00Z') })
    const running = { state: 'transferring', found: 3_000, stored: 0, failed: 0, pending: 3_000, finished_at: null }
    api.imports = [importJson({ ...running, updated_at: '2026-11-23T10:00:00Z' })]
    await showImport()
    await pass(20)
    api.imports = [importJson({ ...running, stored: 250, pending: 2_750, updated_at: '2026-11-23T10:00:05Z' })]
    await pass(5_000)
    // 250 in the last half minute, of which the import ran for 5 seconds.
    api.streams.at(-1)?.event('rates', { as_of: '2026-11-23T10:00:05Z', seconds: 30, found_per_second: 0, stored_per_second: 8.3, failed_per_second: 0, bytes_per_second: 1 })
    await pass(20)
    expect(screen.getByText(/^50 files\/s/)).toBeDefined()
    expect(screen.getByText('about 55 s')).toBeDefined()
  })

  it('does not count a pause that this page has seen', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T10:00:00Z') })
    const running = { state: 'transferring', found: 3_000, stored: 1_000, failed: 0, pending: 2_000, finished_at: null }
    api.imports = [importJson({ ...running, state: 'paused', updated_at: '2026-11-23T10:00:00Z' })]
    await showImport()
    await pass(60_000)
    api.imports = [importJson({ ...running, updated_at: '2026-11-23T10:01:00Z' })]
    await pass(1_000)
    api.imports = [importJson({ ...running, stored: 1_100, pending: 1_900, updated_at: '2026-11-23T10:01:05Z' })]
    await pass(4_000)
    // 100 in the last half minute, of which the import ran for 5 seconds.
    api.streams.at(-1)?.event('rates', { as_of: '2026-11-23T10:01:05Z', seconds: 30, found_per_second: 0, stored_per_second: 3.3, failed_per_second: 0, bytes_per_second: 1 })
    await pass(20)
    expect(screen.getByText(/^2[05] files\/s/)).toBeDefined()
  })

  it('does not count the night for which it was paused', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T22:00:00Z') })
    const running = { state: 'transferring', found: 3_000, stored: 1_000, failed: 0, pending: 2_000, finished_at: null }
    api.imports = [importJson({ ...running, updated_at: '2026-11-23T22:00:00Z' })]
    await showImport()
    await pass(20)
    api.streams.at(-1)?.event('rates', { as_of: '2026-11-23T22:00:00Z', seconds: 30, found_per_second: 0, stored_per_second: 5, failed_per_second: 0, bytes_per_second: 1 })
    api.imports = [importJson({ ...running, stored: 1_200, pending: 1_800, updated_at: '2026-11-23T22:00:40Z' })]
    await pass(40_000)
    expect(screen.getByText('about 6 min')).toBeDefined()
  })

  it('says what limits the speed: the import itself, else the system', async () => {
    vi.useFakeTimers({ now: new Date('2026-11-23T10:00:10Z') })
    const running = { state: 'transferring', found: 100, stored: 40, failed: 0, pending: 60, finished_at: null }
    api.imports = [importJson(running)]
    api.limit = 'Google’s quota limits the speed.'
    await showImport()
    await pass(20)
    expect(screen.getByText(/Google’s quota limits/)).toBeDefined()
    await pass(60_000)
    expect(api.count('GET', '/api/system')).toBe(1)
    api.limit = 'Too few workers run.'
    api.imports = [importJson({ ...running, stored: 41, pending: 59, updated_at: '2026-11-23T10:01:10Z' })]
    await pass(1_000)
    expect(screen.getByText(/Too few workers run/)).toBeDefined()
    api.imports = [importJson({ ...running, limited_by: { reason: 'line', message: 'The line is slow.', until: null } })]
    await pass(1_000)
    expect(screen.getByText(/The line is slow/)).toBeDefined()
    expect(screen.queryByText(/Too few workers/)).toBeNull()
  })
})
