import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { holdsDriveLink, oneLine } from '../start/folderHint'

/** A Drive link that is pasted on any page, outside any field, is previewed, with the words that came with it. */
export function usePasteAnywhere(): void {
  const navigate = useNavigate()
  useEffect(() => {
    function pasted(event: ClipboardEvent) {
      const field = event.target instanceof HTMLElement ? event.target.closest('input, textarea') : null
      // A checkbox takes no text.
      const inField = field !== null && !field.matches('[type=checkbox],[type=radio]')
      const text = event.clipboardData?.getData('text') ?? ''
      if (inField || !holdsDriveLink(text)) return
      event.preventDefault()
      void navigate({ to: '/', search: { link: oneLine(text).trim() }, state: { pastedAt: performance.now() } })
    }
    document.addEventListener('paste', pasted)
    return () => document.removeEventListener('paste', pasted)
  }, [navigate])
}

declare module '@tanstack/history' {
  interface HistoryState {
    /** Tells a link that is pasted again from one that was pasted before. */
    readonly pastedAt?: number
  }
}
