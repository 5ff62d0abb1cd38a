import { cleanup, configure } from '@testing-library/react'
import { afterEach, beforeEach, vi } from 'vitest'

// jsdom has no modal <dialog>. The real one is tested in Chromium (e2e).
HTMLDialogElement.prototype.showModal ??= function showModal(this: HTMLDialogElement) {
  this.open = true
}
HTMLDialogElement.prototype.close ??= function close(this: HTMLDialogElement) {
  this.open = false
  this.dispatchEvent(new Event('close'))
}

// Generous, because a busy machine is slow.
configure({ asyncUtilTimeout: 20_000 })

beforeEach(() => {
  vi.stubGlobal('fetch', () => Promise.reject(new Error('a test that calls the API must install a FakeApi')))
  window.history.replaceState(null, '', '/')
})

afterEach(() => {
  cleanup()
  vi.useRealTimers()
  vi.unstubAllGlobals()
  sessionStorage.clear()
})
