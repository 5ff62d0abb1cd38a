import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { previewFolder } from '../api/preview'
import { holdsDriveLink, isFolderId } from './folderHint'

const SETTLED_MS = 400
const FRESH_MS = 60_000

/** The preview of a link, once it has not been edited for a moment. Each costs quota, so it is kept a while. */
export function usePreview(text: string) {
  const link = text.trim()
  const [settled, setSettled] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setSettled(link), SETTLED_MS)
    return () => clearTimeout(timer)
  }, [link])
  const wanted = link === settled && (holdsDriveLink(link) || isFolderId(link))
  const query = useQuery({
    queryKey: ['preview', link],
    queryFn: ({ signal }) => previewFolder(link, signal),
    enabled: wanted,
    staleTime: FRESH_MS,
    // After a gap of the event stream as well: an error here is about the link.
    meta: { keep: true },
  })
  return wanted ? query : null
}
