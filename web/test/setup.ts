import { cleanup, configure } from '@testing-library/react'
import { afterEach, beforeEach, vi } from 'vitest'

// jsdom knows <dialog> but not its modal form; the real one is tried in Chromium (e2e).
HTMLDialogElement.prototype.showModal ??= function showModal(this: HTMLDialogElement) {
  this.open = true
}
HTMLDialogElement.prototype.close ??= function close(this: HTMLDialogElement) {
  this.open = false
  this.dispatchEvent(new Event('close'))
}

// A busy machine is slow, not wrong.
configure({ asyncUtilTimeout: 8_000 })

beforeEach(() => {
  vi.stubGlobal('fetch', () => Promise.reject(new Error('a test that calls the API brings its own')))
  window.history.replaceState(null, '', '/')
})

afterEach(() => {
  cleanup()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})
