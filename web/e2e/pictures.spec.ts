/** Takes the pictures of the page that the documents show: `make pictures`. It checks only that they show it. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { camera, launch } from './browser'

const folder = process.env['PICTURES_OF'] ?? ''
const web = process.env['WEB_URL'] ?? ''
const screenshots = process.env['SCREENSHOTS'] ?? 'test-results/e2e'
const ENOUGH = Number(process.env['PICTURES_FROM'] ?? '1200')
const LIMIT = 240_000
/** Which images are in sight, once each of them can be painted at once; empty before. */
const LOADED = `(async () => {
  const tiles = [...document.querySelectorAll('.tile')].filter((tile) => tile.getBoundingClientRect().top < innerHeight)
  const images = tiles.map((tile) => tile.querySelector('img'))
  if (!images.every((image) => image?.complete)) return ''
  const names = images.map((image) => image.currentSrc).join(' ')
  return Promise.all(images.map((image) => image.decode())).then(() => names, () => '')
})()`

describe.skipIf(folder === '')('the pictures of the documents', () => {
  let browser: Browser
  let page: Page
  let shoot: (name: string) => Promise<void>

  beforeAll(async () => {
    browser = await launch(process.env)
    page = await browser.newPage({ viewport: { width: 1280, height: 800 }, bypassCSP: true })
    const taken = camera(page, screenshots)
    shoot = async (name) => {
      await page.mouse.move(0, 0)
      for (const colorScheme of ['light', 'dark'] as const) {
        /* oxlint-disable no-await-in-loop -- there is one page */
        await page.emulateMedia({ colorScheme })
        // New images may come at any moment: a picture counts if the same were there before and after.
        let before: unknown
        do {
          await page.waitForFunction(LOADED)
          before = await page.evaluate(LOADED)
          await page.waitForTimeout(200)
          await taken(`${name}-${colorScheme}`)
        } while (before === '' || before !== (await page.evaluate(LOADED)))
        /* oxlint-enable no-await-in-loop */
      }
    }
  })

  afterAll(() => browser.close())

  it('an import on its way', async () => {
    await page.goto(web)
    await page.getByRole('textbox').first().fill(folder)
    await page.locator('section.preview').waitFor()
    await page.getByRole('textbox').first().press('Enter')
    await page.waitForURL(/\/imports\//)
    await page.locator('.tile img').first().waitFor()
    await expect.poll(() => stored(page), { timeout: LIMIT, interval: 500 }).toBeGreaterThan(ENOUGH)
    await shoot('import')
    expect(await page.locator('article[data-state^="completed"]').count()).toBe(0)
  }, LIMIT)

  /* oxlint-disable-next-line vitest/expect-expect -- it takes a picture */
  it('the gallery', async () => {
    await page.locator('article[data-state^="completed"]').waitFor({ timeout: LIMIT })
    await page.getByRole('link', { name: /^Show all/ }).click()
    await page.getByRole('grid').waitFor()
    await page.waitForFunction("document.querySelectorAll('.tile[aria-disabled=true]').length === 0")
    await shoot('gallery')
  }, LIMIT)
})

/** How many images the import has stored, as its page says it. */
async function stored(page: Page): Promise<number> {
  const id = new URL(page.url()).pathname.split('/').at(-1) ?? ''
  const answer = await page.request.get(`${web}/api/imports/${id}`)
  return ((await answer.json()) as { stored: number }).stored
}
