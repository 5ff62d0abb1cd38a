/**
 * A gentle word about what is being typed, or null. The server alone decides what it accepts, so
 * this speaks only of links that are surely something else, and never keeps a form from being sent.
 */
export function folderHint(text: string): string | null {
  const link = text.trim()
  if (/^(https?:)?(\/\/)?(drive|docs)\.google\.com\.?(:\d+)?([/?#]|$)/i.test(link)) {
    if (/\/file\/d\//.test(link)) {
      return 'This looks like the link of a single file. Open the folder it lies in, and copy that link.'
    }
    if (/\/(document|spreadsheets|presentation|forms)\/d\//.test(link)) {
      return 'This looks like the link of a document, not of a folder.'
    }
    return null
  }
  if (/^https?:\/\/[^/]+\.[^/]+\//i.test(link)) return 'This does not look like a link to Google Drive.'
  return null
}

/** Whether a text that was pasted somewhere on the page is meant for the form. */
export function isDriveLink(text: string): boolean {
  return /^\s*(https?:\/\/)?drive\.google\.com\/\S+\s*$/i.test(text)
}
