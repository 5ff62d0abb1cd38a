import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  FIRST_IMPORTS_PATH,
  fetchFiles,
  fetchImport,
  fetchImports,
  firstFilesPath,
  startImport,
} from '../src/api/client'
import { ApiError } from '../src/api/errors'
import { contentUrl, fetchFolders, originalUrl } from '../src/api/images'
import { nextPath } from '../src/api/link'
import { parseFiles, parseImports } from '../src/api/parse'
import { parsePictures } from '../src/api/parseImages'
import { anImport, fileJson, importJson, pictureJson } from './builders'
import { FakeApi, jsonResponse, problem } from './fakeApi'

const { signal } = new AbortController()

async function errorOf(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof ApiError) return error
  throw new Error('expected an ApiError')
}

describe('the Link header', () => {
  const asked = '/images?import=a&limit=60'

  it.each([
    ['</images?limit=60&cursor=x>; rel="next"', '/images?limit=60&cursor=x'],
    ['</images?cursor=y>; rel=next', '/images?cursor=y'],
    ['</images?a=1>; rel="prev", </images?a=2>; rel="next"', '/images?a=2'],
    ['</images?a=1,2;3>; title="a, b; rel=prev"; rel="last next"', '/images?a=1,2;3'],
    ['</images?c=1>; REL="NEXT"', '/images?c=1'],
    ['<?cursor=z>; rel="next"', '/images?cursor=z'],
    ['<http://127.0.0.1:3000/images?cursor=abs>; rel="next"', '/images?cursor=abs'],
  ])('%s continues at %s', (header, path) => {
    expect(nextPath(header, asked)).toBe(path)
  })

  it.each([
    [null],
    [''],
    ['nonsense'],
    ['</images?cursor=x>'],
    ['</images?cursor=x>; rel="prev"'],
    ['</images?cursor=x>; rel="prev"; rel="next"'],
    ['</imports?cursor=x>; rel="next"'],
    ['<javascript:alert(1)>; rel="next"'],
    ['<https://elsewhere.example/steal>; rel="next"'],
  ])('%s leads nowhere', (header) => {
    expect(nextPath(header, asked)).toBeNull()
  })

  it('is parsed quickly, however long it is', () => {
    expect(nextPath(`<${'a;'.repeat(20_000)}`, asked)).toBeNull()
    expect(nextPath(`</images>${'; x="'.repeat(5_000)}`, asked)).toBeNull()
  })
})

describe('responses', () => {
  it('become the types of the page', () => {
    const [one] = parseImports([importJson({ skipped: { not_an_image: 3 } })])
    expect(one).toMatchObject({ id: 'job-1', found: 2412, skipped: { not_an_image: 3 } })
    expect(one?.requestedAt?.toISOString()).toBe('2026-11-23T10:00:00.000Z')
    expect(parsePictures([pictureJson()])[0]).toMatchObject({ id: '1', driveId: 'drive-1', size: 123_456 })
    expect(parseFiles([fileJson({ message: null, size: null })])[0]).toMatchObject({ message: null, size: null })
  })

  it('may contain results before the request itself', () => {
    const early = { name: null, folder_id: null, folder_url: null, requested_at: null, updated_at: null }
    expect(parseImports([importJson(early)])[0]).toMatchObject({ folderId: null, requestedAt: null })
  })

  it('say why an import waits, and until when', () => {
    const until = '2026-11-23T15:40:00Z'
    const waiting = { reason: 'store_full', message: 'The storage is full.', until }
    expect(anImport({ waiting_for: waiting }).waitingFor).toEqual({ ...waiting, until: new Date(until) })
    expect(anImport({ waiting_for: { ...waiting, until: null } }).waitingFor?.until).toBeNull()
  })

  it('say what limits their speed', () => {
    const slow = { reason: 'store_line', message: 'The line to the store carries 1.2 MB/s.', until: null }
    expect(anImport({ limited_by: slow }).limitedBy).toEqual(slow)
    expect(anImport({}).limitedBy).toBeNull()
  })

  it('may come from an API that knows neither a name nor a wait', () => {
    expect(anImport({ name: undefined, waiting_for: undefined })).toMatchObject({ name: null, waitingFor: null })
  })

  it.each([
    ['no list', {}, /imports should be a list/],
    ['a null', [null], /imports\[0\] should be an object/],
    ['a missing count', [importJson({ found: undefined })], /imports\[0\]\.found should be .* but is missing/],
    ['a negative count', [importJson({ failed: -1 })], /imports\[0\]\.failed/],
    ['a count with a fraction', [importJson({ failed: 0.5 })], /imports\[0\]\.failed/],
    ['a count as text', [importJson({ stored: '12' })], /imports\[0\]\.stored .* but is "12"/],
    ['a name that is a number', [importJson({ name: 7 })], /imports\[0\]\.name should be text/],
    [
      'a wait without a reason',
      [importJson({ waiting_for: { message: 'Later.' } })],
      /imports\[0\]\.waiting_for\.reason should be text/,
    ],
    ['an invalid time', [importJson({ requested_at: 'yesterday' })], /imports\[0\]\.requested_at should be a time/],
    ['counts by reason that are a list', [importJson({ skipped: [1] })], /imports\[0\]\.skipped/],
    ['a very long text', [importJson({ found: 'x'.repeat(10_000) })], /^.{0,200}$/],
  ])('with %s are refused, naming the field', (_, json, message) => {
    expect(() => parseImports(json)).toThrow(message)
  })

  it('cannot change prototypes', () => {
    const json: unknown = JSON.parse(JSON.stringify([importJson()]).replace('"skipped":{}', '"skipped":{"__proto__":7}'))
    const [one] = parseImports(json)
    expect(({} as Record<string, unknown>)['7']).toBeUndefined()
    expect(Object.entries(one?.skipped ?? {})).toEqual([['__proto__', 7]])
  })
})

describe('calls', () => {
  let api: FakeApi

  beforeEach(() => {
    api = new FakeApi().install()
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  it('go to /api on the same origin, with escaped ids', async () => {
    await errorOf(fetchImport('../images?x', signal))
    expect(api.asked[0]?.path).toBe('/api/imports/..%2Fimages%3Fx')
    expect(contentUrl('a/b?c')).toBe('/api/images/a%2Fb%3Fc/content')
    expect(firstFilesPath('a/b', 'failed')).toBe('/imports/a%2Fb/files?state=failed&limit=100')
  })

  it('send the link and the key of an import, as JSON', async () => {
    expect(await startImport('https://drive.google.com/drive/folders/x', 'key-1', false)).toEqual({ jobId: 'job-1' })
    expect(api.asked).toEqual([
      {
        method: 'POST',
        authorization: null,
        path: '/api/import/google-drive',
        key: 'key-1',
        type: 'application/json',
        body: { folderUrl: 'https://drive.google.com/drive/folders/x' },
      },
    ])
  })

  it('follow the pages to the end', async () => {
    api.folders = Array.from({ length: 2_500 }, (_, n) => ({ folder_id: `f${n}`, path: [`n${n}`], images: n }))
    const folders = await fetchFolders('job-1', signal)
    expect(folders.map(({ folderId }) => folderId)).toEqual(api.folders.map((folder) => folder['folder_id']))
    expect(api.asked).toHaveLength(3)
  })

  it.each([
    ['https://cdn.example/images/a%20b.jpg', 'https://cdn.example/images/a%20b.jpg'],
    ['http://127.0.0.1:9000/images/a.jpg', 'http://127.0.0.1:9000/images/a.jpg'],
    ['javascript:alert(1)', '/api/images/drive-1/content'],
    ['s3://images/a.jpg', '/api/images/drive-1/content'],
  ])('an original at %s opens at %s', (storagePath, address) => {
    expect(originalUrl({ driveId: 'drive-1', storagePath })).toBe(address)
  })

  it('read files of one state', async () => {
    api.files = [fileJson(), fileJson({ google_drive_id: 'other', state: 'skipped' })]
    const page = await fetchFiles(firstFilesPath('job-1', 'skipped'), signal)
    expect(page.items.map(({ driveId }) => driveId)).toEqual(['other'])
  })

  it.each([
    [() => problem(400, 'This links to a single file.', 'file_link'), 'refused', 'This links to a single file.'],
    [() => problem(500, 'Kafka did not acknowledge.', 'not_queued'), 'broken', 'Kafka did not acknowledge.'],
    [() => problem(503, 'The database is away.'), 'broken', 'The database is away.'],
    [() => new Response('<html>Bad gateway</html>', { status: 502 }), 'unreachable', 'The API cannot be reached.'],
    [() => new Response('oops', { status: 418 }), 'refused', 'The API returned status 418 without an explanation.'],
    [() => jsonResponse({ detail: 7, title: '' }, 500), 'broken', 'The API returned status 500 without an explanation.'],
    [() => new Response('<html>Sign in</html>'), 'malformed', 'The API’s response is not JSON: “<html>Sign in</html>”.'],
    [() => new TypeError('Failed to fetch'), 'unreachable', 'The API cannot be reached.'],
  ] as const)('say what went wrong (%#)', async (fault, kind, message) => {
    api.fault = fault
    const error = await errorOf(fetchImports(FIRST_IMPORTS_PATH, signal))
    expect([error.kind, error.message]).toEqual([kind, message])
  })

  it('keep the code and the status of a problem', async () => {
    api.fault = () => problem(400, 'No.', 'file_link')
    expect(await errorOf(startImport('x', 'k', false))).toMatchObject({ status: 400, code: 'file_link' })
  })
})
