/** An import of which 5,000 files failed for one reason: one group with one button, and a list of any length. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launch, readSetup, watch, type Watch } from './browser'
import { counts } from './report'

const FAILED = 5_000
const ROW_PX = 88
/** Far above what it takes, and far below what somebody calls a freeze. A busy machine is slow. */
const LONGEST_MS = 500
const id = process.env['FAILURES_IMPORT'] ?? ''

describe.skipIf(id === '')('5,000 failures of one kind', () => {
  const setup = readSetup(process.env)
  let browser: Browser
  let page: Page
  let seen: Watch

  beforeAll(async () => {
    browser = await launch(process.env)
    page = await browser.newPage({ viewport: { width: 1280, height: 900 }, bypassCSP: true })
    seen = watch(page)
    await page.addInitScript(`
      window.longest = 0
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration)
      }).observe({ type: 'longtask', buffered: true })
    `)
  })

  afterAll(async () => {
    await browser.close()
  })

  const longest = () => page.evaluate('window.longest') as Promise<number>

  it('are one group with one button, and a few of them are named', async () => {
    await page.goto(`${setup.web}/imports/${id}`)
    await page.getByRole('button', { name: 'Try these 5,000 files again', exact: true }).waitFor()
    expect(await counts(page)).toEqual([FAILED, 0, 0, FAILED, 0])
    expect(await page.locator('.reason').count()).toBe(1)
    await page.locator('.reason').getByText('Show the first 20 files').click()
    expect(await page.locator('.reason .files > li').count()).toBe(20)
  })

  it('are all in one list, of which only what is in sight is rendered', async () => {
    await page.getByRole('link', { name: 'List all 5,000 files' }).click()
    await page.locator('.rows > li').first().waitFor()
    await page.waitForURL(/reason=gone/)
    const names = new Set<string>()
    /* oxlint-disable no-await-in-loop -- a page of the list follows when the one before was seen */
    for (let looks = 0; looks < 300 && !names.has(String(FAILED)); looks += 1) {
      await page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight)')
      await page.waitForTimeout(30)
      const rows = page.locator('.rows > li')
      expect(await rows.count()).toBeLessThan(60)
      names.add((await rows.last().getAttribute('aria-posinset', { timeout: 5_000 })) ?? '')
    }
    /* oxlint-enable no-await-in-loop */
    expect(names).toContain(String(FAILED))
    expect(await page.evaluate(`document.querySelector('.rows').clientHeight`)).toBe(FAILED * ROW_PX)
  })

  it('freeze nothing', async () => {
    const ms = await longest()
    process.stdout.write(`longest task ${Math.round(ms)} ms\n`)
    expect(ms).toBeLessThan(LONGEST_MS)
    expect(seen.problems).toEqual([])
  })
})
