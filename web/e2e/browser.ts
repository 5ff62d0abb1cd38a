/** Starts Chromium, and reads from the environment which system to test. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'

export interface Setup {
  /** The address of the page. */
  readonly web: string
  /** The link of a folder that the running system can import. */
  readonly folder: string
  /** The least number of pictures in the folder that a browser can display. */
  readonly atLeast: number
  /** How long the import may take, in milliseconds. */
  readonly limit: number
  readonly screenshots: string
}

export function readSetup(env: NodeJS.ProcessEnv): Setup {
  const folder = env['FOLDER_URL'] ?? ''
  if (folder === '') throw new Error('Set FOLDER_URL to the link of a folder that the running system can import.')
  return {
    web: (env['WEB_URL'] ?? 'http://127.0.0.1:5173').replace(/\/$/, ''),
    folder,
    atLeast: wholeNumber(env, 'AT_LEAST', 30),
    limit: wholeNumber(env, 'IMPORT_SECONDS', 300) * 1000,
    screenshots: env['SCREENSHOTS'] ?? 'test-results/e2e',
  }
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const value = Number(env[name] ?? otherwise)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name} must be a whole number above 0.`)
  return value
}

export function launch(env: NodeJS.ProcessEnv): Promise<Browser> {
  return chromium.launch({
    executablePath: env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

export function camera(page: Page, directory: string): (name: string) => Promise<void> {
  mkdirSync(directory, { recursive: true })
  return async (name) => {
    await page.screenshot({ path: join(directory, `${name}.png`) })
  }
}

/** When each address was requested, in milliseconds, and the errors and warnings of the page. */
export interface Watch {
  readonly asked: Map<string, number[]>
  readonly problems: string[]
}

export function watch(page: Page): Watch {
  const seen: Watch = { asked: new Map(), problems: [] }
  page.on('request', (request) => {
    if (request.method() !== 'GET' || request.resourceType() !== 'fetch') return
    seen.asked.set(request.url(), [...(seen.asked.get(request.url()) ?? []), Date.now()])
  })
  page.on('pageerror', (error) => seen.problems.push(error.message))
  page.on('console', (message) => {
    // The browser itself reports failed requests, such as the 400 that a test provokes.
    const ofBrowser = message.text().startsWith('Failed to load resource')
    if (['error', 'warning'].includes(message.type()) && !ofBrowser) seen.problems.push(message.text())
  })
  return seen
}
