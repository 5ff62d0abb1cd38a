import { useNavigate, useRouter, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'

/**
 * The image that is shown large, which the URL names: `?image=` and its Drive id. Back closes it, and a
 * link to it opens it.
 */
export function useOpenImage() {
  const { image = null } = useSearch({ strict: false })
  const navigate = useNavigate()
  const { history } = useRouter()

  const open = useCallback(
    (driveId: string) => {
      void navigate({ to: '.', search: (old) => ({ ...old, image: driveId }), state: { openedHere: true }, resetScroll: false })
    },
    [navigate],
  )

  /** To another image. Back does not go through all that were looked at. */
  const go = useCallback(
    (driveId: string) => {
      void navigate({ to: '.', search: (old) => ({ ...old, image: driveId }), state: true, replace: true, resetScroll: false })
    },
    [navigate],
  )

  const close = useCallback(() => {
    if (history.location.state.openedHere === true) history.back()
    else void navigate({ to: '.', search: (old) => ({ ...old, image: undefined }), replace: true, resetScroll: false })
  }, [history, navigate])

  return { image, open, go, close }
}

declare module '@tanstack/history' {
  interface HistoryState {
    /** Whether the entry before this one is the page without the image. */
    readonly openedHere?: boolean
  }
}
