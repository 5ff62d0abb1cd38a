/** Starts Chromium, and reads from the environment which system to test. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContextOptions, type Page, type Request } from 'playwright-core'

export interface Setup {
  /** The address of the page. */
  readonly web: string
  /** The link of a folder that the running system can import. */
  readonly folder: string
  /** The least number of pictures in the folder that a browser can display. */
  readonly atLeast: number
  /** How long the import may take, in milliseconds. */
  readonly limit: number
  /** Where screenshots go; empty for none. */
  readonly screenshots: string
}

/** How long whatever comes at once elsewhere may take on a busy machine. */
const PATIENCE_MS = 120_000

export function readSetup(env: NodeJS.ProcessEnv): Setup {
  const folder = env['FOLDER_URL'] ?? ''
  if (folder === '') throw new Error('Set FOLDER_URL to the link of a folder that the running system can import.')
  return {
    web: (env['WEB_URL'] ?? 'http://127.0.0.1:5173').replace(/\/$/, ''),
    folder,
    atLeast: wholeNumber(env, 'AT_LEAST', 30),
    limit: wholeNumber(env, 'IMPORT_SECONDS', 300) * 1000,
    screenshots: env['SCREENSHOTS'] ?? '',
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

export async function openPage(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const page = await browser.newPage(options)
  page.setDefaultTimeout(PATIENCE_MS)
  return page
}

/** Takes pictures of the page for somebody to look at, if a directory is named. */
export function camera(page: Page, directory: string): (name: string) => Promise<void> {
  if (directory === '') return () => Promise.resolve()
  mkdirSync(directory, { recursive: true })
  return async (name) => {
    await page.screenshot({ path: join(directory, `${name}.png`) })
  }
}

/** What a page asks for, and its errors and warnings. */
export interface Watch {
  /** Every address that was requested, and when, in milliseconds; oldest first. */
  readonly asked: { readonly url: string; readonly at: number }[]
  /** What has not been answered to its end, a stream of events included. */
  readonly open: Set<Request>
  readonly problems: string[]
}

export function watch(page: Page): Watch {
  const seen: Watch = { asked: [], open: new Set(), problems: [] }
  page.on('request', (request) => {
    if (request.method() !== 'GET' || request.resourceType() !== 'fetch') return
    seen.asked.push({ url: request.url(), at: Date.now() })
    seen.open.add(request)
  })
  page.on('requestfinished', (request) => seen.open.delete(request))
  page.on('requestfailed', (request) => seen.open.delete(request))
  page.on('pageerror', (error) => seen.problems.push(error.message))
  page.on('console', (message) => {
    // The browser itself reports failed requests, such as the 400 that a test provokes.
    const ofBrowser = message.text().startsWith('Failed to load resource')
    if (['error', 'warning'].includes(message.type()) && !ofBrowser) seen.problems.push(message.text())
  })
  return seen
}

/** Forgets what the page before asked for: call it before another one is opened. */
export function forget(seen: Watch): void {
  seen.asked.length = 0
  seen.open.clear()
}

export function isStream(url: string): boolean {
  return url.endsWith('/events')
}

/** How many streams of events are open. On a busy machine one may have taken the place of another. */
export function streams(seen: Watch): number {
  return [...seen.open].filter((request) => isStream(request.url())).length
}

/** Until all that was asked for is there, one stream is open, and nothing but what may be was asked for in the last milliseconds. */
export async function atRest(page: Page, seen: Watch, quiet: number, may: (url: string) => boolean = () => false): Promise<void> {
  const counts = (url: string) => !isStream(url) && !may(url)
  const last = () => seen.asked.findLast(({ url }) => counts(url))?.at ?? 0
  const waits = () => [...seen.open].some((request) => counts(request.url()))
  const until = Date.now() + PATIENCE_MS
  while (waits() || streams(seen) !== 1 || Date.now() - last() < quiet) {
    if (Date.now() > until) throw new Error(`The page does not rest: ${seen.asked.slice(-20).map(({ url }) => url).join(' ')}`)
    // oxlint-disable-next-line no-await-in-loop -- it is watched
    await page.waitForTimeout(50)
  }
}
