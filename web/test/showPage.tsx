import { QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { vi } from 'vitest'
import { App } from '../src/App'
import { makeQueryClient } from '../src/queries'
import { makeRouter } from '../src/routes'

const open = new Set<ReturnType<typeof makeRouter>>()

/** Renders the whole page as if opened at `address`. */
export async function showPage(address = '/', state: unknown = null) {
  window.history.replaceState(state, '', address)
  const router = makeRouter()
  open.add(router)
  // Its code is there before anything is rendered, as it is for whoever has been here before.
  await router.load()
  render(
    <QueryClientProvider client={makeQueryClient()}>
      <App router={router} />
    </QueryClientProvider>,
  )
  return userEvent.setup()
}

/** Renders the page of the import that the builders make. */
export function showImport() {
  return showPage('/imports/job-1')
}

/** Ends what `showPage` began. */
export function closePages(): void {
  cleanup()
  for (const router of open) router.history.destroy()
  open.clear()
}

/** Advances fake timers and lets React render. */
export async function pass(milliseconds: number): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(milliseconds))
}

/** Hides or shows the tab. */
export function setVisible(visible: boolean): void {
  Object.defineProperty(document, 'hidden', { configurable: true, value: !visible })
  Object.defineProperty(document, 'visibilityState', { configurable: true, value: visible ? 'visible' : 'hidden' })
  act(() => void document.dispatchEvent(new Event('visibilitychange', { bubbles: true })))
  if (visible) {
    Reflect.deleteProperty(document, 'visibilityState')
    Reflect.deleteProperty(document, 'hidden')
  }
}
