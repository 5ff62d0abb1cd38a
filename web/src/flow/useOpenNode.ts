import { useNavigate, useRouter, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import { isNode } from './layout'

/** The part of the stream whose details are open, which the URL names. Back closes them. */
export function useOpenNode() {
  const { node } = useSearch({ from: '/flow' })
  const navigate = useNavigate()
  const { history } = useRouter()
  const close = useCallback(() => {
    if (history.location.state.openedHere === true) history.back()
    else void navigate({ to: '/flow', search: (old) => ({ ...old, node: undefined }), replace: true, resetScroll: false })
  }, [history, navigate])
  return { node: isNode(node) ? node : null, close }
}
