import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { firstLoadSize } from '../firstLoad'
import { HEADERS } from '../headers'

const chunk = (fileName: string, bytes: number, more: object = {}) => ({
  fileName,
  isEntry: false,
  facadeModuleId: null,
  imports: [],
  // Random text cannot be compressed to less than three quarters.
  code: randomBytes((bytes * 3) / 4).toString('base64'),
  ...more,
})

it('counts what a first visit loads, each file once, and nothing else', () => {
  const chunks = [
    chunk('index.js', 4_000, { isEntry: true, imports: ['shared.js', 'react.js'] }),
    chunk('start.js', 4_000, { facadeModuleId: '/web/src/pages/StartPage.tsx', imports: ['react.js', 'index.js'] }),
    chunk('de.js', 4_000, { facadeModuleId: '/web/src/text/de/index.ts' }),
    chunk('react.js', 40_000),
    chunk('shared.js', 4_000, { imports: ['index.js'] }),
    chunk('chart.js', 400_000, { facadeModuleId: '/web/src/flow/Chart.tsx' }),
  ]
  const size = firstLoadSize(chunks)
  expect(size).toBeGreaterThan(56_000 * 0.75)
  expect(size).toBeLessThan(56_000)
})

it('is served with the headers of nginx, under which the browser’s tests run', () => {
  const nginx = readFileSync('nginx.conf.template', 'utf8')
  for (const [name, value] of Object.entries(HEADERS)) {
    expect(nginx).toMatch(new RegExp(`add_header ${name} "?${value.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&')}"?;`))
  }
})
