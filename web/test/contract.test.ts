import { readFileSync } from 'node:fs'
import openapiTypes from 'openapi-typescript'
import { expect, it } from 'vitest'
import { apiPath } from '../src/api/path'

it('has the types of the API’s document (`npm run types` writes them)', async () => {
  const [document, kept] = ['../docs/openapi.json', 'src/api/schema.gen.ts'].map((path) => readFileSync(path, 'utf8'))
  const types = await openapiTypes(JSON.parse(document ?? '') as Parameters<typeof openapiTypes>[0])
  expect(kept?.slice(kept.indexOf('export'))).toBe(types.slice(types.indexOf('export')))
})

it('calls paths of that document, whatever is in a name', () => {
  expect(apiPath('/imports')).toBe('/imports')
  expect(apiPath('/imports/{import_id}/files', { import_id: 'a/b?c' }, { state: 'failed', limit: undefined })).toBe(
    '/imports/a%2Fb%3Fc/files?state=failed',
  )
  expect(apiPath('/images', {}, { name: 'a&b', folder: null, count: true })).toBe('/images?name=a%26b&count=true')
  // @ts-expect-error -- no such path
  apiPath('/pictures')
  // @ts-expect-error -- no such parameter
  apiPath('/images', {}, { names: 'a' })
})
