import { useSyncExternalStore } from 'react'

/** Below, the picture from left to right would be too small to read. */
const NARROW = '(max-width: 1100px)'

export function useIsNarrow(): boolean {
  return useSyncExternalStore(subscribe, isNarrow)
}

function isNarrow(): boolean {
  return window.matchMedia(NARROW).matches
}

function subscribe(listener: () => void): () => void {
  const query = window.matchMedia(NARROW)
  query.addEventListener('change', listener)
  return () => query.removeEventListener('change', listener)
}
