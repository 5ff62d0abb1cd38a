/** The page against a running system: a link goes in, and its pictures appear. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { atRest, camera, isStream, launch, openPage, readSetup, streams, watch, type Watch } from './browser'
import { counts, violations } from './report'

const MOST_PREVIEWS = 20
/** Longer than the page waits before it looks again at what has changed. */
const REST_MS = 3_000
/** Whether what is in sight has loaded. Nothing in sight is not enough. */
const ALL_LOADED = `(() => {
  const images = [...document.querySelectorAll('.tile-box img')]
  return images.length > 0 && images.every((image) => image.complete)
})()`
const BANNER = 'The API is not responding.'
const setup = readSetup(process.env)

let browser: Browser
let page: Page
let seen: Watch
let shoot: (name: string) => Promise<void>

beforeAll(async () => {
  browser = await launch(process.env)
  page = await openPage(browser, { viewport: { width: 1280, height: 900 }, bypassCSP: true })
  seen = watch(page)
  shoot = camera(page, setup.screenshots)
  await page.goto(setup.web)
})

afterAll(async () => {
  await browser.close()
})

const field = () => page.getByLabel('Google Drive folder link')
const report = () => page.locator('article.detail')

/** The addresses of the pictures in the grid that Chromium has loaded and decoded. */
async function decodedPictures(): Promise<string[]> {
  return page.$$eval('.tile img', async (images) => {
    const all = images as HTMLImageElement[]
    const done = all.filter((image) => image.complete && image.naturalWidth > 0)
    await Promise.all(done.map((image) => image.decode()))
    return done.map((image) => image.src)
  })
}

describe('the page', () => {
  it('refuses a link that is not a folder, and keeps it in the field', async () => {
    await field().fill('https://drive.google.com/file/d/1AbCdEfGhIjKlMnOpQrStUv/view')
    await field().press('Enter')
    await page.locator('.field-problem').waitFor()
    expect(await field().inputValue()).toContain('/file/d/')
    await shoot('refused')
  })

  it('shows a few images of the folder before anything is started', async () => {
    const images = page.locator('.preview img')
    /* oxlint-disable no-await-in-loop -- what is late on a busy machine is left out, so it may take another try */
    for (let tries = 0; tries < MOST_PREVIEWS && (await images.count()) === 0; tries += 1) {
      await page.goto(setup.web)
      await field().fill(setup.folder)
      await page.locator('section.preview, .field-hint').first().waitFor()
    }
    /* oxlint-enable no-await-in-loop */
    expect(await images.count()).toBeGreaterThan(0)
    const widths = await images.evaluateAll(async (all) => {
      await Promise.all((all as HTMLImageElement[]).map((image) => image.decode()))
      return (all as HTMLImageElement[]).map((image) => image.naturalWidth)
    })
    expect(Math.min(...widths)).toBeGreaterThan(0)
    await shoot('preview')
  })

  it('imports a folder, and the equation holds', async () => {
    await field().press('Enter')
    await page.waitForURL(/\/imports\//)
    await report().waitFor()
    await page.locator('.tile img').first().waitFor({ timeout: setup.limit })
    await shoot('running')
    await page.locator('article[data-state^="completed"]').waitFor({ timeout: setup.limit })
    await expect.poll(async () => (await counts(page)).at(-1)).toBe(0)
    const [found, ...parts] = await counts(page)
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(found)
    expect((parts[0] ?? 0) + (parts[1] ?? 0)).toBeGreaterThanOrEqual(setup.atLeast)
    await shoot('done')
  }, setup.limit + 60_000)

  it('asks for nothing while nothing changes, and keeps one event stream', async () => {
    await atRest(page, seen, REST_MS)
    const before = seen.asked.length
    await page.waitForTimeout(5_000)
    expect(seen.asked.slice(before).filter(({ url }) => !isStream(url))).toEqual([])
    await expect.poll(() => streams(seen)).toBe(1)
  })

  it('shows pictures that the browser has decoded', async () => {
    await page.getByRole('link', { name: /^Show all/ }).click()
    await page.getByRole('grid').waitFor()
    const shown = await scrolledThrough()
    expect(shown.length).toBeGreaterThanOrEqual(setup.atLeast)
    await shoot('pictures')
    await page.goBack()
    await report().waitFor()
  })

  it('shows the same import after a reload', async () => {
    const before = await counts(page)
    await page.reload()
    await page.locator('.tile img').first().waitFor()
    await expect.poll(() => counts(page)).toEqual(before)
  })

  it('shows one picture large, links to its original, and returns the focus on Escape', async () => {
    await page.getByRole('link', { name: /^Show all/ }).click()
    const tile = page.locator('[role=grid] .tile[data-picture]').nth(1)
    await tile.focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(/[?&]image=/)
    const large = page.locator('dialog[open] img')
    await large.waitFor()
    await page.waitForFunction("document.querySelector('dialog img').naturalWidth > 0")
    await page.getByText(/[\d,]+ × [\d,]+ pixels/).waitFor()
    expect(await violations(page)).toEqual([])
    await shoot('large')
    const original = await page.getByRole('link', { name: 'Open the original' }).getAttribute('href')
    const opened = await page.request.get(new URL(original ?? '', setup.web).href)
    expect([opened.status(), opened.headers()['content-type']]).toEqual([200, expect.stringMatching(/^image\//)])
    await page.keyboard.press('Escape')
    await page.locator('dialog').waitFor({ state: 'detached' })
    await expect.poll(() => tile.evaluate((element) => element === document.activeElement)).toBe(true)
    expect(page.url()).not.toContain('image=')
    await page.goBack()
    await report().waitFor()
  })

  it.each(['light', 'dark'] as const)('is accessible in %s, wide and narrow', async (colorScheme) => {
    await page.emulateMedia({ colorScheme })
    expect(await violations(page)).toEqual([])
    await shoot(colorScheme)
    await page.setViewportSize({ width: 375, height: 812 })
    expect(await violations(page)).toEqual([])
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(375)
    await shoot(`${colorScheme}-narrow`)
    await page.setViewportSize({ width: 1280, height: 900 })
  })

  it('says when the API is down, and recovers by itself', async () => {
    await page.emulateMedia({ colorScheme: 'light' })
    await page.context().setOffline(true)
    await page.getByText(BANNER).waitFor()
    expect(await violations(page)).toEqual([])
    await shoot('unreachable')
    await page.context().setOffline(false)
    await page.getByText(BANNER).waitFor({ state: 'detached' })
  })

  it.each([
    ['500 and nothing', { status: 500, body: '' }, 'The API returned status 500 without an explanation.'],
    ['HTML', { status: 200, contentType: 'text/html', body: '<h1>Sign in</h1>' }, 'The API sent something other than events.'],
  ])('says so when the API answers %s, and recovers by itself', async (_, answer, said) => {
    await page.route('**/api/**', (route) => route.fulfill(answer))
    await page.reload()
    await page.getByText(`No live updates: ${said}`).waitFor()
    await page.getByText('This import could not be loaded.').waitFor()
    expect(await violations(page)).toEqual([])
    await page.unroute('**/api/**')
    await page.locator('.banner').waitFor({ state: 'detached' })
    await expect.poll(async () => (await counts(page)).at(-1)).toBe(0)
  })

  it('notices a stream that stops without closing, and opens another', async () => {
    const silent = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': here\n\n')
    })
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const other = await openPage(browser, { bypassCSP: true })
    await other.clock.install()
    await other.route('**/events', (route) => route.continue({ url: `http://127.0.0.1:${port}/` }))
    await other.goto(page.url())
    await other.getByTestId('equation').waitFor()
    // Its clock runs beside: that of a busy machine may have come far before the first of these.
    await other.clock.runFor(20_000)
    expect(await other.getByText(BANNER).count()).toBe(0)
    await other.clock.runFor(25_000)
    await other.getByText(BANNER).waitFor()
    await other.unroute('**/events')
    await other.clock.runFor(60_000)
    await other.getByText(BANNER).waitFor({ state: 'detached' })
    await other.close()
    silent.closeAllConnections()
    silent.close()
  })

  it('logged no errors or warnings', () => {
    expect(seen.problems).toEqual([])
  })
})

/** Only what is in sight exists, so what was seen on the way is collected. */
async function scrolledThrough(): Promise<string[]> {
  const seenOnTheWay = new Set<string>()
  // The grid is there before its first page of images is.
  let height = 1
  for (let top = 0; top < height; top += 400) {
    /* oxlint-disable no-await-in-loop -- step by step, as a reader scrolls */
    await page.evaluate(`window.scrollTo(0, ${top})`)
    await page.waitForFunction(ALL_LOADED)
    for (const url of await decodedPictures()) seenOnTheWay.add(url)
    height = await page.evaluate(() => document.documentElement.scrollHeight)
    /* oxlint-enable no-await-in-loop */
  }
  return [...seenOnTheWay]
}
