/** The API is killed while pages are open. They say so, and are right again without a reload. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { camera, launch, openPage, readSetup, watch, type Watch } from './browser'
import { counts, violations } from './report'

const BANNER = 'The API is not responding.'
const setup = readSetup(process.env)
/** Whoever runs these tests kills and starts the API when asked here. */
const control = process.env['CONTROL_URL'] ?? ''

describe.skipIf(control === '')('while the API is dead', () => {
  let browser: Browser
  let [one, flow]: Page[] = []
  let seen: Watch

  beforeAll(async () => {
    browser = await launch(process.env)
    // Each in a window of its own: a tab behind another one is hidden.
    one = await openPage(browser, { viewport: { width: 1440, height: 1000 } })
    flow = await openPage(browser, { viewport: { width: 1440, height: 1000 } })
    seen = watch(one)
  })

  afterAll(async () => {
    await browser.close()
  })

  const pages = () => {
    if (one === undefined || flow === undefined) throw new Error('no pages')
    return { one, flow }
  }

  it('every page says so, with the time of what it shows', async () => {
    const { one: report, flow: stream } = pages()
    await report.goto(setup.web)
    await report.getByLabel('Google Drive folder link').fill(setup.folder)
    await report.keyboard.press('Enter')
    await report.locator('.tile img').first().waitFor({ timeout: setup.limit })
    await stream.goto(`${setup.web}/flow`)
    await stream.locator('[data-node="files.found"]').waitFor()
    await ask('kill')
    await Promise.all([report.getByText(BANNER).waitFor(), stream.getByText(BANNER).waitFor()])
    await report.getByText('This page was last updated at').waitFor()
    expect(await violations(stream)).toEqual([])
    await camera(stream, setup.screenshots)('flow-dead')
    // What is shown stays, and its age is said.
    await stream.getByText(/This is \d+ s old/).waitFor()
    expect(await stream.locator('[data-node]').count()).toBeGreaterThan(10)
  })

  it('they are right again by themselves once it is back', async () => {
    const { one: report, flow: stream } = pages()
    await ask('start')
    await Promise.all([report, stream].map((page) => page.getByText(BANNER).waitFor({ state: 'detached' })))
    await report.locator('article[data-state^="completed"]').waitFor({ timeout: setup.limit })
    const isClosed = async () => {
      const [found, ...parts] = await counts(report)
      return found !== undefined && parts.reduce((sum, part) => sum + part, 0) === found
    }
    await expect.poll(isClosed).toBe(true)
    await stream.getByText(/This is \d+ s old/).waitFor({ state: 'detached' })
    expect(seen.problems).toEqual([])
  }, setup.limit + 240_000)
})

async function ask(what: 'kill' | 'start'): Promise<void> {
  const response = await fetch(`${control}/${what}`, { method: 'POST' })
  expect(response.status).toBe(200)
}
