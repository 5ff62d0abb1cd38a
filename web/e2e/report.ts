/** What the page shows of an import, and whether it is accessible. */
import type { AxeResults } from 'axe-core'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const EQUATION =
  /^([\d,]+) found = ([\d,]+) stored \+ ([\d,]+) unchanged \+ ([\d,]+) failed \+ ([\d,]+) (?:pending|not done)$/

const ANIMATIONS_END = `Promise.allSettled(
  document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime !== Infinity).map((one) => one.finished),
)`

/** Found, stored, unchanged, failed, pending. Empty if the page shows something else. */
export async function counts(page: Page): Promise<number[]> {
  const said = (await page.getByTestId('equation').textContent()) ?? ''
  return (EQUATION.exec(said) ?? []).slice(1).map((count) => Number(count.replaceAll(',', '')))
}

/** Once nothing moves: a colour on its way to another one has no contrast to speak of. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(ANIMATIONS_END)
  await page.evaluate((createRequire(import.meta.url)('axe-core') as { source: string }).source)
  const results = (await page.evaluate(
    "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })",
  )) as AxeResults
  if (results.passes.length === 0) throw new Error('axe checked nothing')
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
