/** A folder with failures: its files are filtered, one group is retried, and a replay does the rest. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launch, openPage, readSetup, watch, type Watch } from './browser'
import { look as lookAt } from './look'
import { counts, violations } from './report'

const SELECTED = /^([\d,]+) selected = ([\d,]+) stored \+ ([\d,]+) unchanged \+ ([\d,]+) failed \+ ([\d,]+) pending$/
const shell = promisify(execFile)
const MOST_PREVIEWS = 20
const FILES = Number(process.env['FILES'] ?? 34)
const [firstFault = '', secondFault = ''] = (process.env['FAULT_URLS'] ?? '').split(' ')

describe.skipIf(secondFault === '')('a folder with two kinds of failures', () => {
  const setup = readSetup(process.env)
  let browser: Browser
  let page: Page
  let seen: Watch

  beforeAll(async () => {
    browser = await launch(process.env)
    page = await openPage(browser, { viewport: { width: 1440, height: 900 }, bypassCSP: true })
    seen = watch(page)
    await page.goto(setup.web)
  })

  afterAll(async () => {
    await browser.close()
  })

  const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true })
  const inState = (state: string) => page.locator(`article[data-state="${state}"]`).waitFor({ timeout: setup.limit })
  const look = (name: string) => lookAt(page, setup.screenshots, name)

  /** What the replay says of its rate, once it says this. */
  const atMost = (rate: string) => page.locator('.facts > div', { hasText: 'Most files per second' }).locator('dd', { hasText: rate }).textContent()

  /** Runs a line that the page shows, as somebody does who has copied it. */
  async function run(line: RegExp): Promise<void> {
    const text = await page.locator('code', { hasText: line }).textContent()
    const { stdout } = await shell('/bin/sh', ['-c', text ?? ''], { timeout: 120_000 })
    expect(stdout).toContain('slow')
  }

  async function selectedCounts(): Promise<number[]> {
    const said = (await page.getByTestId('equation').textContent()) ?? ''
    return (SELECTED.exec(said) ?? []).slice(1).map((count) => Number(count.replaceAll(',', '')))
  }

  it('is previewed, and its first image is on screen within two seconds of Start', async () => {
    const preview = page.locator('.preview-type')
    /* oxlint-disable no-await-in-loop -- on a busy machine a preview may be late, and then there is none */
    for (let tries = 0; tries < MOST_PREVIEWS && (await preview.count()) === 0; tries += 1) {
      await page.goto(setup.web)
      await page.getByLabel('Google Drive folder link').fill(setup.folder)
      await page.locator('.preview-type, .field-hint').first().waitFor()
    }
    /* oxlint-enable no-await-in-loop */
    expect(await preview.count()).toBeGreaterThan(0)
    await look('preview')
    const begin = Date.now()
    await button('Import').click()
    await page.waitForURL(/\/imports\//)
    await page.waitForFunction(
      `[...document.querySelectorAll('.latest img')].some((image) => image.complete && image.naturalWidth > 0)`,
      undefined,
      { polling: 'raf' },
    )
    const seconds = (Date.now() - begin) / 1_000
    process.stdout.write(`first image on screen after ${seconds} s\n`)
    expect(seconds).toBeLessThan(Number(process.env['FIRST_IMAGE_SECONDS'] ?? 2))
  })

  it('lists the files of a part of the equation, and keeps that in the URL', async () => {
    await inState('completed_with_failures')
    await expect.poll(() => counts(page)).toEqual([FILES, FILES - 4, 0, 4, 0])
    await page.getByTestId('equation').getByRole('link', { name: '4 failed' }).click()
    await page.locator('.rows > li').nth(3).waitFor()
    expect(page.url()).toContain('?show=failed')
    await look('files')
    await page.reload()
    await page.locator('.rows > li').nth(3).waitFor()
    await page.getByRole('link', { name: 'Hide' }).click()
    await page.locator('.rows').waitFor({ state: 'detached' })
  })

  it('retries one group', async () => {
    await fetch(firstFault, { method: 'DELETE' })
    await page.locator('.reason', { hasText: 'Deleted or no longer shared' }).getByRole('button', { name: 'Try these 2 files again', exact: true }).click()
    await page.waitForFunction(`document.querySelector('[data-testid=equation]').textContent.includes(' 2 failed')`)
    await inState('completed_with_failures')
    await expect.poll(async () => (await counts(page)).slice(3)).toEqual([2, 0])
  }, setup.limit + 60_000)

  it('plans a replay of the rest, and shows exactly what it would do', async () => {
    await fetch(secondFault, { method: 'DELETE' })
    await page.getByRole('link', { name: 'Replay…' }).click()
    await page.waitForURL(/\/replays/)
    await page.getByText('There has been no replay yet.').waitFor()
    await look('replays')
    await page.getByLabel('Google’s download limit was reached 2 files').check()
    await button('Show the plan').click()
    await page.getByRole('heading', { name: 'This replay would process 2 files' }).waitFor()
    expect(seen.asked.map(({ url }) => url)).not.toContain(`${setup.web}/api/replays/plan`)
    await look('plan')
  })

  it('runs it, and watches it to its end', async () => {
    await page.getByLabel('Name', { exact: true }).fill('blocked files')
    await page.getByLabel('Why it is needed').fill('Google lifted the block.')
    await button('Start the replay').click()
    await page.getByRole('heading', { name: 'blocked files' }).waitFor()
    await inState('completed')
    await expect.poll(selectedCounts).toEqual([2, 2, 0, 0, 0])
    await look('replay')
    await page.locator('.fact-link').click()
    await inState('completed')
    await expect.poll(async () => (await counts(page)).slice(3)).toEqual([0, 0])
  }, setup.limit + 60_000)

  it('goes as fast as it may', async () => {
    await page.goto(`${setup.web}/replays?what=all`)
    await button('Show the plan').click()
    await page.getByRole('heading', { name: `This replay would process ${FILES} files` }).waitFor()
    await page.getByLabel('Name', { exact: true }).fill('slow')
    await page.getByLabel('Why it is needed').fill('To see it run.')
    await page.getByLabel('Most files per second').fill('1')
    await button('Start the replay').click()
    await inState('running')
    await atMost('1 files/s')
    await page.getByLabel('Files per second', { exact: true }).fill('2')
    await button('Change').click()
    await page.getByText('At most 2 files per second from now on.').waitFor()
    expect(await atMost('2 files/s')).toBe('2 files/s')
  }, setup.limit + 60_000)

  it('is paused by a button, and steered by the lines that the page offers for a terminal', async () => {
    await button('Pause').click()
    await inState('paused')
    await button('Commands').click()
    await look('replay-commands')
    await page.getByLabel('Files per second', { exact: true }).fill('1')
    await button('Copy as command or curl: Change the rate').click()
    expect(await violations(page)).toEqual([])
    await run(/^curl .*"files_per_second":1/)
    await page.keyboard.press('Escape')
    expect(await atMost('1 files/s')).toBe('1 files/s')
    await run(/^drivestream replay resume /)
    await inState('running')
  }, setup.limit + 60_000)

  it('is cancelled only after a question, and keeps what it has done', async () => {
    await button('Cancel…').click()
    await page.getByText('What it has done stays.').waitFor()
    await button('Cancel the replay').click()
    await inState('cancelled')
    expect(await button('Pause').count()).toBe(0)
    const [selected = 0, ...parts] = await selectedCounts()
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(selected)
    // At most a file or two a second.
    expect(selected - (parts.at(-1) ?? 0)).toBeLessThan(FILES)
    await page.reload()
    await inState('cancelled')
  }, setup.limit + 60_000)

  it('logged no errors or warnings', () => {
    expect(seen.problems).toEqual([])
  })
})
