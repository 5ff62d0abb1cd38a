/** The import that the address selects (`?import=…`), so that a view can be shared and reloaded. */
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
  // pushState fires no event, so we fire the one that Back and Forward fire.
  window.dispatchEvent(new PopStateEvent('popstate'))
}

function subscribe(changed: () => void): () => void {
  window.addEventListener('popstate', changed)
  return () => window.removeEventListener('popstate', changed)
}

function selected(): string | null {
  return new URLSearchParams(window.location.search).get(NAME)
}
