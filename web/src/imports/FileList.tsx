import type { Import, ImportFile } from '../api/types'
import { counted, formatBytes, formatType } from '../text/format'
import { t } from '../text/language'
import { heading } from '../text/reasons'
import { FileActions } from './FileActions'

interface Props {
  readonly one: Import
  readonly files: readonly ImportFile[]
  /** False where all files share one reason, which is then shown above the list. */
  readonly withReasons: boolean
  /** Those of the files that have failed. The others are being tried again. Null if they were skipped. */
  readonly failed: readonly ImportFile[] | null
}

export function FileList({ one, files, withReasons, failed }: Props) {
  return (
    <ul className="files">
      {files.map((file) => (
        <li key={file.driveId}>
          <span className="file-name">{file.name}</span>
          <span className="quiet file-facts">{factsOf(file).join(' · ')}</span>
          {withReasons && <span className="file-message">{why(file)}</span>}
          {failed !== null && (
            <div className="file-actions">
              <FileActions one={one} file={file} trying={!failed.includes(file)} />
            </div>
          )}
        </li>
      ))}
    </ul>
  )
}

function why({ message, reason }: ImportFile): string | null {
  return message ?? (reason === null ? null : heading(reason))
}

function factsOf(file: ImportFile): string[] {
  const words = t().report.files
  const facts = file.path === null || file.path === '' ? [] : [words.inFolder(file.path)]
  if (file.mimeType !== null) facts.push(formatType(file.mimeType))
  if (file.size !== null) facts.push(formatBytes(file.size))
  if (file.attempts > 1) facts.push(counted(file.attempts, ...words.attempts))
  return [...facts, words.driveId(file.driveId)]
}
