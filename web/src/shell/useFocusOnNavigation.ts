import { useRouter } from '@tanstack/react-router'
import { useEffect } from 'react'

/**
 * Gives the focus to the heading of a page that was navigated to, as a browser does on loading one. A
 * change of the search parameters stays on the page, and leaves the focus where it is.
 */
export function useFocusOnNavigation(): void {
  const router = useRouter()
  useEffect(
    () =>
      router.subscribe('onRendered', ({ fromLocation, pathChanged }) => {
        if (fromLocation === undefined || !pathChanged) return
        const target = document.querySelector<HTMLElement>('main [data-page-title]') ?? document.getElementById('main')
        target?.focus({ preventScroll: true })
      }),
    [router],
  )
}
