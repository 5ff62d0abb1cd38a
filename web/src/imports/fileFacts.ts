/** What a list says of a file. Pure. */
import type { ImportFile } from '../api/types'
import { counted, formatBytes, formatType } from '../text/format'
import { t } from '../text/language'
import { said } from '../text/reasons'

export function whyOf({ message, reason }: ImportFile): string | null {
  return said(message, reason)
}

export function factsOf(file: ImportFile): string[] {
  const words = t().report.files
  const facts = file.path === null || file.path === '' ? [] : [words.inFolder(file.path)]
  if (file.mimeType !== null) facts.push(formatType(file.mimeType))
  if (file.size !== null) facts.push(formatBytes(file.size))
  if (file.attempts > 1) facts.push(counted(file.attempts, ...words.attempts))
  return [...facts, words.driveId(file.driveId)]
}
