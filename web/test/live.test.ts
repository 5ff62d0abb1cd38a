import { QueryClient } from '@tanstack/react-query'
import { describe, expect, it } from 'vitest'
import type { Page, Import } from '../src/api/types'
import { applyFrame, merged } from '../src/live/apply'
import { FrameReader } from '../src/live/frames'
import { latest } from '../src/live/latest'
import { anImport, importJson } from './builders'

const frame = (event: string, json: unknown) => ({ event, data: JSON.stringify(json) })

describe('events', () => {
  it('are read out of pieces of any length', () => {
    const text = 'retry: 700\n\nid: 1\nevent: snapshot\ndata: {"a":\ndata: 1}\n\n: still here\n\r\nid: 2\r\ndata:x\r\n\r\nevent: cut'
    for (const length of [1, 2, 7, 1_000]) {
      const reader = new FrameReader()
      const pieces = text.match(new RegExp(`[^]{1,${length}}`, 'g')) ?? []
      expect(pieces.flatMap((piece) => reader.push(piece))).toEqual([
        { event: 'snapshot', data: '{"a":\n1}' },
        { event: 'message', data: 'x' },
      ])
    }
  })

  it('that do not end are refused', () => {
    const reader = new FrameReader()
    const piece = `data: ${'x'.repeat(1_000_000)}`
    expect(() => Array.from({ length: 10 }, () => reader.push(piece))).toThrow(/does not end/)
  })

  it('of a kind that is not known change nothing', () => {
    const client = new QueryClient()
    applyFrame(client, null, frame('news', { id: 'job-1' }))
    expect(client.getQueryCache().getAll()).toEqual([])
  })

  it('of one import keep what only its own page knows', () => {
    const client = new QueryClient()
    const folder = { folder_id: 'f', path: '', reason: 'gone', message: '' }
    applyFrame(client, 'job-1', frame('snapshot', importJson({ failed_folders: [folder] })))
    applyFrame(client, null, frame('import', importJson({ name: 'new', failed_folders: undefined })))
    expect(client.getQueryData(['import', 'job-1'])).toMatchObject({ name: 'new', failedFolders: [{ folderId: 'f' }] })
  })

  it('leave the page of older imports alone', () => {
    const client = new QueryClient()
    const page: Page<Import> = { items: [anImport({ id: 'b' }), anImport({ id: 'a' })], next: '/imports?cursor=x' }
    client.setQueryData(['imports'], page)
    applyFrame(client, null, frame('snapshot', [importJson({ id: 'c' }), importJson({ id: 'b', name: 'new' })]))
    const now = client.getQueryData<Page<Import>>(['imports'])
    expect(now?.items.map(({ id, name }) => `${id} ${name}`)).toEqual(['c Holidays', 'b new', 'a Holidays'])
    expect(now?.next).toBe(page.next)
  })
})

it('puts new imports in front, nothing twice, and none that is on a later page', () => {
  const [a, b, c, old] = ['a', 'b', 'c', 'old'].map((id) => anImport({ id, requested_at: id === 'old' ? '2026-11-01T00:00:00Z' : '2026-11-26T00:00:00Z' }))
  if (a === undefined || b === undefined || c === undefined || old === undefined) throw new Error('four imports')
  const told = [c, { ...b, name: 'new' }, old]
  const shown = (next: string | null) => merged({ items: [b, a], next }, told).items.map(({ id, name }) => `${id} ${name}`)
  expect(shown('/imports?cursor=x')).toEqual(['c Holidays', 'b new', 'a Holidays'])
  expect(shown(null)).toEqual(['c Holidays', 'old Holidays', 'b new', 'a Holidays'])
  expect(merged({ items: [], next: null }, []).items).toEqual([])
})

it('shows what happens to an old import where it is listed', () => {
  const client = new QueryClient()
  const listed = (id: string, time: string) => anImport({ id, requested_at: time })
  client.setQueryData(['imports'], { items: [listed('b', '2026-11-26T00:00:00Z')], next: '/imports?cursor=x' })
  const key = ['older-imports', '/imports?cursor=x']
  client.setQueryData(key, { pages: [{ items: [listed('a', '2026-11-01T00:00:00Z')], next: null }], pageParams: [''] })
  applyFrame(client, null, frame('import', importJson({ id: 'a', name: 'new', requested_at: '2026-11-01T00:00:00Z' })))
  expect(client.getQueryData<Page<Import>>(['imports'])?.items.map(({ id }) => id)).toEqual(['b'])
  const pages = client.getQueryData<{ pages: Page<Import>[] }>(key)?.pages
  expect(pages?.[0]?.items.map(({ name }) => name)).toEqual(['new'])
})

it('never lets an older answer replace a newer event', () => {
  const mark = latest.mark()
  latest.keep(anImport({ id: 'race', state: 'completed' }))
  expect(latest.newer(anImport({ id: 'race', state: 'transferring' }), mark).state).toBe('completed')
  expect(latest.newer(anImport({ id: 'race', state: 'paused' }), latest.mark()).state).toBe('paused')
  expect(latest.newer(anImport({ id: 'other', state: 'paused' }), mark).state).toBe('paused')
})
