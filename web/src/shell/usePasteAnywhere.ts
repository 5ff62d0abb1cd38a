import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { isDriveLink } from '../start/folderHint'

/** A Drive link that is pasted on any page, outside any field, is previewed. */
export function usePasteAnywhere(): void {
  const navigate = useNavigate()
  useEffect(() => {
    function pasted(event: ClipboardEvent) {
      const inField = event.target instanceof HTMLElement && event.target.matches('input, textarea')
      const text = event.clipboardData?.getData('text') ?? ''
      if (inField || !isDriveLink(text)) return
      event.preventDefault()
      void navigate({ to: '/', search: { link: text.trim() } })
    }
    document.addEventListener('paste', pasted)
    return () => document.removeEventListener('paste', pasted)
  }, [navigate])
}
