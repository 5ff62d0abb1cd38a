import { screen, waitFor } from '@testing-library/react'
import { beforeEach, expect, it, vi } from 'vitest'
import { noteServerTime } from '../src/api/clock'
import { importJson, pictureJson } from './builders'
import { FakeApi } from './fakeApi'
import { pass, showImport } from './showPage'

let api: FakeApi

beforeEach(() => {
  api = new FakeApi().install()
  api.apiKey = 'drivestream_right'
  api.imports = [importJson({ failures: { not_found: 1 } })]
  api.pictures = [pictureJson({ id: 1, name: 'one.jpg', google_drive_id: 'drive-one' })]
})

const field = () => screen.findByLabelText<HTMLInputElement>('API key')

it('is asked for once, and then goes with every request and every image', async () => {
  const user = await showImport()
  const input = await field()
  expect(input.type).toBe('password')
  expect(screen.queryByLabelText('Google Drive folder link')).toBeNull()
  await user.type(input, ' drivestream_wrong{Enter}')
  await screen.findByText('The API does not know this key.')
  expect(sessionStorage).toHaveLength(0)
  await user.clear(input)
  await user.type(input, 'drivestream_right{Enter}')
  const tile = await screen.findByRole('link', { name: /one\.jpg/ })
  expect(tile.querySelector('img')?.getAttribute('src')).toBe('/api/images/drive-one/thumbnail?width=320&access_token=token-1')
  expect(screen.queryByLabelText('API key')).toBeNull()
  const reads = api.asked.filter(({ path }) => path.startsWith('/api/images'))
  expect(reads.every(({ authorization }) => authorization === 'Bearer drivestream_right')).toBe(true)
  expect(localStorage).toHaveLength(0)
  expect(document.body.textContent).not.toContain('drivestream_right')
})

it('is kept for the session', async () => {
  const user = await showImport()
  await user.type(await field(), 'drivestream_right{Enter}')
  await screen.findByRole('link', { name: /one\.jpg/ })
  const asked = api.asked.length
  await showImport()
  await waitFor(() => expect(api.asked.length).toBeGreaterThan(asked))
  expect(api.asked.slice(asked).every(({ authorization }) => authorization === 'Bearer drivestream_right')).toBe(true)
})

it('is asked for again when the API no longer knows it', async () => {
  vi.useFakeTimers()
  sessionStorage.setItem('drivestream.api-key', 'drivestream_right')
  await showImport()
  await pass(100)
  expect(screen.queryByLabelText('API key')).toBeNull()
  api.apiKey = 'drivestream_new'
  api.streams.at(-1)?.end()
  await pass(20_000)
  expect(screen.getByLabelText('API key')).toBeDefined()
})

it('gets a new access token before the old one ends', async () => {
  vi.useFakeTimers()
  api.token = { access_token: 'token-1', expires_at: new Date(Date.now() + 25 * 60_000).toISOString() }
  sessionStorage.setItem('drivestream.api-key', 'drivestream_right')
  await showImport()
  await pass(100)
  expect(api.count('POST', '/api/access-tokens')).toBe(1)
  await pass(60_000)
  expect(api.count('POST', '/api/access-tokens')).toBe(1)
  api.token = { access_token: 'token-2', expires_at: new Date(Date.now() + 90 * 60_000).toISOString() }
  await pass(5 * 60_000)
  expect(api.count('POST', '/api/access-tokens')).toBe(2)
  const image = screen.getByRole('link', { name: /one\.jpg/ }).querySelector('img')
  expect(image?.getAttribute('src')).toContain('access_token=token-2')
})

it('gets no new token all the time where this computer’s clock is hours ahead', async () => {
  vi.useFakeTimers()
  const honest = globalThis.fetch
  vi.stubGlobal('fetch', async (path: string, request: RequestInit = {}) => {
    const answer = await honest(path, request)
    answer.headers.set('date', new Date(Date.now() - 2 * 3_600_000).toUTCString())
    return answer
  })
  api.token = { access_token: 'token-1', expires_at: new Date(Date.now() - 3_600_000).toISOString() }
  sessionStorage.setItem('drivestream.api-key', 'drivestream_right')
  await showImport()
  await pass(60_000)
  noteServerTime(new Date().toUTCString())
  expect(api.count('POST', '/api/access-tokens')).toBeLessThan(3)
})

it('is not needed where the API has none', async () => {
  api.apiKey = null
  await showImport()
  const tile = await screen.findByRole('link', { name: /one\.jpg/ })
  expect(tile.querySelector('img')?.getAttribute('src')).toBe('/api/images/drive-one/thumbnail?width=320')
  expect(api.asked.every(({ authorization }) => authorization === null)).toBe(true)
})
