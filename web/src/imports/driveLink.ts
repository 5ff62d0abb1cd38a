const DRIVE_HOSTS = ['drive.google.com', 'docs.google.com']

/**
 * The folder's address in Drive, or null. A pasted link is used if it leads to Drive, because it may
 * contain a resource key. Any other pasted text is ignored; it could be a script.
 */
export function driveLink(folderUrl: string | null, folderId: string | null): string | null {
  const pasted = folderUrl?.trim() ?? ''
  const whole = pasted.includes('://') ? pasted : `https://${pasted}`
  if (URL.canParse(whole)) {
    const { protocol, hostname, href } = new URL(whole)
    if (['https:', 'http:'].includes(protocol) && DRIVE_HOSTS.includes(hostname)) return href
  }
  return folderId === null ? null : `https://drive.google.com/drive/folders/${encodeURIComponent(folderId)}`
}
