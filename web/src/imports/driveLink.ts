const DRIVE_HOSTS = ['drive.google.com', 'docs.google.com']

/**
 * Where the folder can be looked at, or null. The link as it was pasted is kept if it leads to
 * Drive (it may hold a resource key); anything else in it, a script above all, is never followed.
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
