/** What the page shows of an import, and whether it is accessible. */
import type { AxeResults } from 'axe-core'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const EQUATION =
  /^([\d,]+) found = ([\d,]+) stored \+ ([\d,]+) unchanged \+ ([\d,]+) failed \+ ([\d,]+) (?:pending|not done)$/

/** Found, stored, unchanged, failed, pending. Empty if the page shows something else. */
export async function counts(page: Page): Promise<number[]> {
  const said = (await page.getByTestId('equation').textContent()) ?? ''
  return (EQUATION.exec(said) ?? []).slice(1).map((count) => Number(count.replaceAll(',', '')))
}

export async function violations(page: Page): Promise<string[]> {
  await page.evaluate((createRequire(import.meta.url)('axe-core') as { source: string }).source)
  const results = (await page.evaluate(
    "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })",
  )) as AxeResults
  if (results.passes.length === 0) throw new Error('axe checked nothing')
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}
