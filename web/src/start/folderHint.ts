import { t } from '../text/language'

/**
 * A hint about the text in the field, or null. Only the server decides what it accepts. So the hint
 * appears only for links that are certainly not folders, and it never blocks the form.
 */
export function folderHint(text: string): string | null {
  const link = text.trim()
  if (/^(https?:)?(\/\/)?(drive|docs)\.google\.com\.?(:\d+)?([/?#]|$)/i.test(link)) {
    if (/\/file\/d\//.test(link)) {
      return t().start.hints.file
    }
    if (/\/(document|spreadsheets|presentation|forms)\/d\//.test(link)) {
      return t().start.hints.document
    }
    return null
  }
  // Redirects and mail scanners have the link in an address of their own.
  const holdsOne = /(drive|docs)\.(usercontent\.)?google\.com/i.test(link)
  if (!holdsOne && /^https?:\/\/[^/]+\.[^/]+\//i.test(link)) return t().start.hints.elsewhere
  return null
}

/** As many characters as a URL of the page holds. */
export const LONGEST_LINK = 2_048

/** Whether a text holds a link to Drive, in words around it or in the address of a redirect. What it leads to, only the server can say. */
export function holdsDriveLink(text: string): boolean {
  return text.length <= LONGEST_LINK && /(drive|docs)\.google\.com[/:._%\\]+\w/i.test(text)
}

/** The server takes the id of a folder as well. */
export function isFolderId(text: string): boolean {
  return /^["'\s]*[\w-]{19,200}(\?\S*)?["'\s]*$/.test(text)
}

/**
 * Text without line breaks, as one line of text holds it. A browser would remove them, and so join what
 * they separate: an id and the word on the next line.
 */
export function oneLine(text: string): string {
  return text.replace(/[\r\n\u2028\u2029]+/g, ' ')
}
