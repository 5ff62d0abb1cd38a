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

it('puts new imports in front, and nothing twice', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((id) => anImport({ id }))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three imports')
  expect(merged([b, a], [c, { ...b, name: 'new' }]).map(({ id, name }) => `${id} ${name}`)).toEqual(['c Holidays', 'b new', 'a Holidays'])
  expect(merged([], [])).toEqual([])
})

it('never lets an older answer replace a newer event', () => {
  const mark = latest.mark()
  latest.keep(anImport({ id: 'race', state: 'completed' }))
  expect(latest.newer(anImport({ id: 'race', state: 'transferring' }), mark).state).toBe('completed')
  expect(latest.newer(anImport({ id: 'race', state: 'paused' }), latest.mark()).state).toBe('paused')
  expect(latest.newer(anImport({ id: 'other', state: 'paused' }), mark).state).toBe('paused')
})
