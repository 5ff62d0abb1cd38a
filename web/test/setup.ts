import { configure } from '@testing-library/react'
import { afterEach, beforeEach, vi } from 'vitest'
import { closePages } from './showPage'

// jsdom has no modal <dialog>. The real one is tested in Chromium (e2e).
HTMLDialogElement.prototype.showModal ??= function showModal(this: HTMLDialogElement) {
  this.open = true
}
HTMLDialogElement.prototype.close ??= function close(this: HTMLDialogElement) {
  this.open = false
  this.dispatchEvent(new Event('close'))
}

// jsdom has no layout, and so nothing to scroll or to observe.
window.scrollTo = () => undefined
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
}
HTMLElement.prototype.setPointerCapture ??= () => undefined

// Generous, because a busy machine is slow.
configure({ asyncUtilTimeout: 20_000 })

beforeEach(() => {
  vi.stubGlobal('fetch', () => Promise.reject(new Error('a test that calls the API must install a FakeApi')))
  window.history.replaceState(null, '', '/')
})

afterEach(() => {
  closePages()
  vi.useRealTimers()
  vi.unstubAllGlobals()
  sessionStorage.clear()
  localStorage.clear()
})
