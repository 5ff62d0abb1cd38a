import { QueryClientProvider } from '@tanstack/react-query'
import { act, render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { vi } from 'vitest'
import { App } from '../src/App'
import { makeQueryClient } from '../src/queries'

/** Renders the whole page as if opened at `address`. */
export function showPage(address = '/') {
  window.history.replaceState(null, '', address)
  render(
    <QueryClientProvider client={makeQueryClient()}>
      <App />
    </QueryClientProvider>,
  )
  return userEvent.setup()
}

/** Advances fake timers and lets React render. */
export async function pass(milliseconds: number): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(milliseconds))
}

/** Hides or shows the tab. */
export function setVisible(visible: boolean): void {
  Object.defineProperty(document, 'visibilityState', { configurable: true, value: visible ? 'visible' : 'hidden' })
  act(() => void document.dispatchEvent(new Event('visibilitychange', { bubbles: true })))
  if (visible) Reflect.deleteProperty(document, 'visibilityState')
}
