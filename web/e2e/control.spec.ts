/** Pause, resume, cancel and retry against a running system whose Drive can be told to fail. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launch, openPage, readSetup, watch, type Watch } from './browser'
import { look as lookAt } from './look'
import { counts } from './report'

const faults = process.env['FAULT_URLS'] ?? ''
const other = process.env['OTHER_FOLDER_URL'] ?? ''

describe.skipIf(faults === '')('an import that takes long, with files that fail', () => {
  const setup = readSetup(process.env)
  let browser: Browser
  let page: Page
  let seen: Watch

  beforeAll(async () => {
    browser = await launch(process.env)
    page = await openPage(browser, { viewport: { width: 1280, height: 900 }, bypassCSP: true })
    seen = watch(page)
    await page.goto(setup.web)
  })

  afterAll(async () => {
    await browser.close()
  })

  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true })
  const inState = (state: string) => page.locator(`article[data-state="${state}"]`).waitFor({ timeout: setup.limit })
  const focused = () => page.evaluate('document.activeElement?.textContent')

  async function start(link: string, name: string): Promise<void> {
    await page.goto(setup.web)
    await page.getByLabel('Google Drive folder link').fill(link)
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/imports\//)
    await page.getByRole('heading', { name }).waitFor()
    await page.locator('.tile img').first().waitFor({ timeout: setup.limit })
  }

  async function expectClosed(): Promise<void> {
    const isClosed = async () => {
      const [found, ...parts] = await counts(page)
      return found !== undefined && parts.reduce((sum, part) => sum + part, 0) === found
    }
    await expect.poll(isClosed).toBe(true)
  }

  /** The counts of an import that stays as it is, also when it is looked at anew; what was in hand may still come. */
  async function settled(state: string): Promise<number[]> {
    for (let before: number[] = []; ; ) {
      /* oxlint-disable no-await-in-loop -- until nothing moves any more */
      await page.waitForTimeout(2_000)
      await page.reload()
      await inState(state)
      const now = await counts(page)
      if (now.length > 0 && now.join() === before.join()) return now
      before = now
      /* oxlint-enable no-await-in-loop */
    }
  }

  const look = (name: string) => lookAt(page, setup.screenshots, name)

  it('is paused, and stays as it is', async () => {
    await start(setup.folder, 'control')
    const place = await button('Pause').boundingBox()
    await button('Pause').focus()
    await page.keyboard.press('Enter')
    await inState('paused')
    await expect.poll(focused).toBe('Resume')
    await expect.poll(() => button('Resume').boundingBox()).toEqual(place)
    const before = await settled('paused')
    expect(before.at(-1)).toBeGreaterThan(0)
    await expectClosed()
    await button('Commands').click()
    await look('paused')
  }, setup.limit + 60_000)

  it('is resumed, and names what failed', async () => {
    await button('Resume').focus()
    await page.keyboard.press('Enter')
    await button('Pause').waitFor()
    await expect.poll(focused).toBe('Pause')
    await inState('completed_with_failures')
    await expectClosed()
    await expect.poll(async () => (await counts(page)).slice(3)).toEqual([4, 0])
    await expect.poll(focused).toContain('control')
    await page.getByText('They are tried again automatically at').waitFor()
    await page.locator('.reason').first().getByText('Show 2 files').click()
    await look('failed')
  }, setup.limit + 60_000)

  it('shows the history of a file', async () => {
    await page.getByRole('button', { name: /^History of/ }).first().focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Found in Drive').waitFor()
    await dialog.getByText('Failed').first().waitFor()
    await look('history')
    await page.keyboard.press('Escape')
    await expect.poll(focused).toBe('History')
  })

  it('says why a retry was not possible, and keeps the focus', async () => {
    await page.route('**/retry', (route) =>
      route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"detail":"No.","code":"kafka_unavailable"}' }),
    )
    await button(/^Try 4 files again$/).focus()
    await page.keyboard.press('Enter')
    await page.getByText(/Kafka is not responding/).waitFor()
    await expect.poll(focused).toBe('Try 4 files again')
    await page.unroute('**/retry')
  })

  it('tries one file, one group, and the blocked files again', async () => {
    await Promise.all(faults.split(' ').map((url) => fetch(url, { method: 'DELETE' })))
    await page.getByRole('button', { name: /^Try again/ }).first().click()
    await page.getByText('1 file is being tried again.').waitFor({ state: 'attached' })
    await page.waitForFunction(`document.querySelector('[data-testid=equation]').textContent.includes(' 3 failed')`)
    await button('Try it again now').click()
    await page.waitForFunction(`document.querySelector('[data-testid=equation]').textContent.includes(' 2 failed')`)
    await button('Try these 2 files again').click()
    await inState('completed')
    await expect.poll(async () => (await counts(page)).slice(3)).toEqual([0, 0])
    await expectClosed()
  }, setup.limit + 60_000)

  it('is cancelled only after a question, and keeps what is stored', async () => {
    await start(other, 'other')
    await button('Cancel…').focus()
    await page.keyboard.press('Enter')
    await page.getByText('A cancelled import cannot be resumed.').waitFor()
    await expect.poll(focused).toBe('Keep importing')
    await look('question')
    await page.keyboard.press('Escape')
    // The browser gives the focus back a moment before it says that the dialog is closed.
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await expect.poll(focused).toBe('Cancel…')
    await page.keyboard.press('Enter')
    await page.getByText('A cancelled import cannot be resumed.').waitFor()
    await button('Cancel the import').press('Enter')
    await inState('cancelled')
    await expect.poll(focused).toContain('other')
    const [, stored, , , pending] = await settled('cancelled')
    await expectClosed()
    expect(stored).toBeGreaterThan(0)
    expect(pending).toBeGreaterThan(0)
    await page.getByText(`${pending} not done`).first().waitFor()
    await look('cancelled')
  }, setup.limit + 60_000)

  it('logged no errors or warnings', () => {
    expect(seen.problems).toEqual([])
  })
})
