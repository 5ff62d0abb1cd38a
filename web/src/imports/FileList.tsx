import type { ImportFile } from '../api/types'
import { counted, formatBytes, formatType } from '../text/format'
import { heading } from '../text/reasons'

interface Props {
  readonly files: readonly ImportFile[]
  /** False where all files share one reason, which is then shown above the list. */
  readonly withReasons: boolean
}

export function FileList({ files, withReasons }: Props) {
  return (
    <ul className="files">
      {files.map((file) => (
        <li key={file.driveId}>
          <span className="file-name">{file.name}</span>
          <span className="quiet file-facts">{factsOf(file).join(' · ')}</span>
          {withReasons && <span className="file-message">{why(file)}</span>}
        </li>
      ))}
    </ul>
  )
}

function why({ message, reason }: ImportFile): string | null {
  return message ?? (reason === null ? null : heading(reason))
}

function factsOf(file: ImportFile): string[] {
  const facts = file.path === null || file.path === '' ? [] : [`in ${file.path}`]
  if (file.mimeType !== null) facts.push(formatType(file.mimeType))
  if (file.size !== null) facts.push(formatBytes(file.size))
  if (file.attempts > 1) facts.push(counted(file.attempts, 'attempt', 'attempts'))
  return [...facts, `Drive ID ${file.driveId}`]
}
