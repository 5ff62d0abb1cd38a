/** An import of which 5,000 files failed for one reason: one group with one button, and a list of any length. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launch, openPage, readSetup, watch, type Watch } from './browser'
import { tasksOf, traced } from './tracing'
import { counts } from './report'

const FAILED = 5_000
const ROW_PX = 88
/** Of the processor. Far above what it takes, and far below what somebody calls a freeze. */
const LONGEST_MS = 500
const id = process.env['FAILURES_IMPORT'] ?? ''

describe.skipIf(id === '')('5,000 failures of one kind', () => {
  const setup = readSetup(process.env)
  let browser: Browser
  let page: Page
  let seen: Watch

  beforeAll(async () => {
    browser = await launch(process.env)
    page = await openPage(browser, { viewport: { width: 1280, height: 900 }, bypassCSP: true })
    seen = watch(page)
    await traced(browser, page)
  })

  afterAll(async () => {
    await browser.close()
  })

  it('are one group with one button, and a few of them are named', async () => {
    await page.goto(`${setup.web}/imports/${id}`)
    await page.getByRole('button', { name: 'Try these 5,000 files again', exact: true }).waitFor()
    expect(await counts(page)).toEqual([FAILED, 0, 0, FAILED, 0])
    expect(await page.locator('.reason').count()).toBe(1)
    await page.locator('.reason').getByText('Show the first 20 files').click()
    await expect.poll(() => page.locator('.reason .files > li').count()).toBe(20)
  })

  it('are all in one list, of which only what is in sight is rendered', async () => {
    await page.getByRole('link', { name: 'List all 5,000 files' }).click()
    await page.locator('.rows > li').first().waitFor()
    await page.waitForURL(/reason=gone/)
    const names = new Set<string>()
    /* oxlint-disable no-await-in-loop -- a page of the list follows when the one before was seen */
    for (const until = Date.now() + 120_000; Date.now() < until && !names.has(String(FAILED)); ) {
      await page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight)')
      await page.waitForTimeout(30)
      const rows = page.locator('.rows > li')
      expect(await rows.count()).toBeLessThan(60)
      names.add((await rows.last().getAttribute('aria-posinset')) ?? '')
    }
    /* oxlint-enable no-await-in-loop */
    expect(names).toContain(String(FAILED))
    await expect.poll(() => page.evaluate(`document.querySelector('.rows').clientHeight`)).toBe(FAILED * ROW_PX)
  })

  it('freeze nothing', async () => {
    const [ms = 0] = tasksOf((await browser.stopTracing()).toString())
    process.stdout.write(`longest task ${Math.round(ms)} ms\n`)
    expect(ms).toBeGreaterThan(0)
    expect(ms).toBeLessThan(LONGEST_MS)
    expect(seen.problems).toEqual([])
  })
})
