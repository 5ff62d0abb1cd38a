/** Which import the address names (`?import=…`), so that a view can be shared and reloaded. */
import { useSyncExternalStore } from 'react'

const NAME = 'import'

export function hrefOf(importId: string): string {
  return `?${new URLSearchParams({ [NAME]: importId }).toString()}`
}

export function useSelectedImport(): string | null {
  return useSyncExternalStore(subscribe, selected)
}

export function selectImport(importId: string): void {
  if (selected() === importId) return
  window.history.pushState(null, '', hrefOf(importId))
  // pushState tells nobody; popstate is what Back and Forward send.
  window.dispatchEvent(new PopStateEvent('popstate'))
}

function subscribe(changed: () => void): () => void {
  window.addEventListener('popstate', changed)
  return () => window.removeEventListener('popstate', changed)
}

function selected(): string | null {
  return new URLSearchParams(window.location.search).get(NAME)
}
