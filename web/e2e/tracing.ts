/** What a page's main thread did, as Chromium's own tracing tells it. */
import type { Browser, Page } from 'playwright-core'

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** Of the processor, in microseconds: what other programs take meanwhile is not in it. */
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

/** How long the page's main thread worked without a pause in which a frame can be drawn, in milliseconds, the longest first. */
export function tasksOf(trace: string): number[] {
  const events = (JSON.parse(trace) as { traceEvents: TraceEvent[] }).traceEvents
  const main = events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
  const threads = new Set(main.map(({ pid, tid }) => `${pid}/${tid}`))
  const tasks = events.filter(({ name, pid, tid }) => name.endsWith('RunTask') && threads.has(`${pid}/${tid}`))
  return tasks.map(({ tdur }) => (tdur ?? 0) / 1_000).toSorted((one, other) => other - one)
}

/** From here on, until `browser.stopTracing()`. */
export function traced(browser: Browser, page: Page): Promise<void> {
  return browser.startTracing(page, { categories: ['toplevel'] })
}
