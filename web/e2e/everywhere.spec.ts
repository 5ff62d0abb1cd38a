/** What holds for every page: it is accessible in both themes and on a phone, works by keyboard, rests, and is quiet. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { atRest, camera, forget, isStream, launch, openPage, readSetup, watch, type Watch } from './browser'
import { violations } from './report'

const PHONE = { width: 375, height: 812 }
const TABLET = { width: 768, height: 1024 }
const SCREEN = { width: 1440, height: 1000 }
const MOST_TABS = 60
const IDLE_MS = 5_000
/** Longer than the page waits before it looks again at what has changed. */
const REST_MS = 2_500
const setup = readSetup(process.env)

let browser: Browser
let page: Page
let seen: Watch
let imported = ''
let replayed = ''
let shoot: (name: string) => Promise<void>

beforeAll(async () => {
  browser = await launch(process.env)
  page = await openPage(browser, { viewport: SCREEN })
  seen = watch(page)
  shoot = camera(page, setup.screenshots)
  await page.goto(setup.web)
})

afterAll(async () => {
  await browser.close()
})

/** Tabs until an element that fits has the focus. */
async function tabTo(selector: string): Promise<void> {
  /* oxlint-disable no-await-in-loop -- one key after the other */
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    await page.keyboard.press('Tab')
    if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return
  }
  /* oxlint-enable no-await-in-loop */
  throw new Error(`No Tab reaches ${selector}`)
}

/** The focus is where somebody can see it. */
function focusIsInSight(): Promise<boolean> {
  return page.evaluate(`(() => {
    const box = document.activeElement.getBoundingClientRect()
    return box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
  })()`)
}

describe('by keyboard alone', () => {
  it('a pasted link becomes an import', async () => {
    await page.locator('main input').first().waitFor()
    await tabTo('a.skip')
    await tabTo('main input')
    await page.keyboard.insertText(setup.folder)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/imports\/[^/?]+/)
    imported = new URL(page.url()).pathname
    await page.locator('article[data-state^="completed"]').waitFor({ timeout: setup.limit })
    expect(imported).not.toBe('')
  }, setup.limit + 60_000)

  it('its images are reached, opened, looked through and closed', async () => {
    await page.keyboard.press('Shift+Tab')
    await tabTo('nav a[href="/gallery"]')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/gallery/)
    await page.locator('.gallery-page .tile[data-picture]').first().waitFor()
    await tabTo('.tile')
    await expect.poll(focusIsInSight).toBe(true)
    const tile = await page.evaluateHandle('document.activeElement')
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    // Until its neighbours are known, the keys lead nowhere.
    await page.locator('button[aria-label="Next image"][aria-disabled=false]').waitFor()
    const first = page.url()
    await page.keyboard.press('ArrowRight')
    await page.waitForURL((url) => url.href !== first)
    await page.keyboard.press('ArrowLeft')
    await page.waitForURL((url) => url.href === first)
    await page.keyboard.press('Escape')
    await page.locator('dialog[open]').waitFor({ state: 'detached' })
    await page.waitForURL((url) => !url.searchParams.has('image'))
    await expect.poll(() => tile.evaluate((element) => element === document.activeElement)).toBe(true)
  })

  it('a part of the stream is opened and closed', async () => {
    await page.goto(`${setup.web}/flow`)
    await page.locator('[data-node="files.found"]').waitFor()
    await tabTo('[data-node="files.found"]')
    await expect.poll(focusIsInSight).toBe(true)
    await page.keyboard.press('Enter')
    await page.locator('dialog[open] .event-list li').first().waitFor()
    expect(await violations(page)).toEqual([])
    await shoot('flow-topic')
    await page.keyboard.press('Escape')
    await page.locator('dialog').waitFor({ state: 'detached' })
    await page.waitForURL((url) => !url.searchParams.has('node'))
    await expect.poll(() => page.evaluate('document.activeElement.dataset.node')).toBe('files.found')
  })
})

it('a replay is over, so that its page rests', async () => {
  const { plan_id } = await ask('replays/plan', { select: { imports: [imported.split('/').at(-1)] }, mode: 'verify' })
  const { replay_id } = await ask('replays', { plan_id, name: 'everywhere', why: 'Its page is looked at.' })
  replayed = `/replays/${replay_id}`
  const state = async () => ((await (await fetch(`${setup.web}/api${replayed}`)).json()) as { state: string }).state
  await expect.poll(state, { timeout: setup.limit, interval: 250 }).toBe('completed')
}, setup.limit)

describe.each(['/', 'import', 'import/gallery', '/gallery', '/flow', '/flow?view=table', '/replays', 'replay', '/nowhere'])('the page %s', (path) => {
  // Each check takes a second. So each theme is checked at one width, and what is between them in one.
  it.each([
    ['light', PHONE],
    ['dark', SCREEN],
  ] as const)('is accessible in %s, still for those who want no motion, and then asks for nothing', async (colorScheme, size) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize(size)
    forget(seen)
    await page.goto(setup.web + path.replace(/^import/, imported).replace(/^replay/, replayed))
    await page.locator('main h1').first().waitFor()
    // This page shows how the system is now, and so asks again when the stream ticks, or the count of dead letters is known.
    const may = (url: string) => path.startsWith('/flow') && ['/api/system', '/api/dead-letters'].includes(new URL(url).pathname)
    await atRest(page, seen, 300, may)
    expect(await violations(page)).toEqual([])
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(size.width)
    await expect.poll(() => page.title()).toMatch(/.+ – Drivestream/)
    await shoot(`page${path.replaceAll(/\W+/g, '-')}-${colorScheme}-${size.width}`)
    await expect.poll(() => page.evaluate('document.getAnimations().filter((one) => one.playState === "running").length')).toBe(0)
    await atRest(page, seen, REST_MS, may)
    if (size !== SCREEN) return
    await page.setViewportSize(TABLET)
    expect(await violations(page)).toEqual([])
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(TABLET.width)
  })
})

it('an idle page asks for nothing for a while', async () => {
  forget(seen)
  await page.goto(setup.web)
  await atRest(page, seen, REST_MS)
  const before = seen.asked.length
  await page.waitForTimeout(IDLE_MS)
  expect(seen.asked.slice(before).filter(({ url }) => !isStream(url))).toEqual([])
})

it('logged no errors or warnings', () => {
  expect(seen.problems).toEqual([])
})

async function ask(path: string, body: unknown): Promise<Record<string, string>> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() }
  const response = await fetch(`${setup.web}/api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  expect(response.ok).toBe(true)
  return (await response.json()) as Record<string, string>
}
