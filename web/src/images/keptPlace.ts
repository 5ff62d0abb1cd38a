/**
 * Where one is in a list, over a reload. The browser cannot keep it: the list is not there yet when it scrolls. It is kept
 * for the entry of the history, so whoever comes by the same URL anew begins at the top.
 */
import { useEffect, useState } from 'react'

export interface Place {
  /** The first image in sight, and how far its row is scrolled out of sight, in pixels. */
  readonly index: number
  readonly offset: number
  /** How many images the list had. */
  readonly total: number
}

const KEPT = 'drivestream.place'

/** Where one was before the page was loaded again; null otherwise. */
export function usePlaceBefore(): Place | null {
  const [place] = useState(read)
  useEffect(() => store(null), [])
  return place
}

/** Asks where one is when the page is left or loaded again. */
export function useKeepPlace(where: () => Place | null): void {
  useEffect(() => {
    const keep = () => store(where())
    window.addEventListener('pagehide', keep)
    return () => window.removeEventListener('pagehide', keep)
  }, [where])
}

/** In a list whose newest images are first, what came since is before it. */
export function indexNow({ index, total }: Place, totalNow: number, newestFirst: boolean): number {
  const grown = newestFirst ? totalNow - total : 0
  return Math.max(0, Math.min(totalNow - 1, index + grown))
}

/** The router's name for an entry of the history. A reload keeps it. */
function entry(): unknown {
  const state: unknown = window.history.state
  // oxlint-disable-next-line no-underscore-dangle -- it is the router's
  return typeof state === 'object' && state !== null && '__TSR_key' in state ? state.__TSR_key : null
}

function read(): Place | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') as { entry: unknown; place: Place } | null
    return kept !== null && kept.entry === entry() ? kept.place : null
  } catch {
    // Storage can be switched off.
    return null
  }
}

function store(place: Place | null): void {
  try {
    if (place === null) sessionStorage.removeItem(KEPT)
    else sessionStorage.setItem(KEPT, JSON.stringify({ entry: entry(), place }))
  } catch {
    // As above.
  }
}
