/** Looks at a page as people with different screens and themes see it. */
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { camera } from './browser'
import { violations } from './report'

const PHONE = 375
const WIDTHS = [PHONE, 768, 1440]

/** Accessible, and nothing is cut off, on a phone, a tablet and a screen, in both themes. */
export async function look(page: Page, directory: string, name: string): Promise<void> {
  const views = (['light', 'dark'] as const).flatMap((theme) => WIDTHS.map((width) => [theme, width] as const))
  for (const [colorScheme, width] of views) {
    /* oxlint-disable no-await-in-loop -- there is one page */
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 1400 })
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    // Each check takes a second. The colours are the same at every width.
    const found = width === PHONE ? await violations(page) : []
    expect(found).toEqual([])
    await camera(page, directory)(`${name}-${colorScheme}-${width}`)
    /* oxlint-enable no-await-in-loop */
  }
  await page.emulateMedia({ colorScheme: 'light' })
}
