import type { ImportFile } from '../api/types'
import { counted, formatBytes, formatType } from '../text/format'

interface Props {
  readonly files: readonly ImportFile[]
  readonly withMessages: boolean
}

export function FileList({ files, withMessages }: Props) {
  return (
    <ul className="files">
      {files.map((file) => (
        <li key={file.driveId}>
          <span className="file-name">{file.name}</span>
          <span className="quiet file-facts">{factsOf(file).join(' · ')}</span>
          {withMessages && file.message !== null && <span className="file-message">{file.message}</span>}
        </li>
      ))}
    </ul>
  )
}

function factsOf(file: ImportFile): string[] {
  const facts = file.path === null || file.path === '' ? [] : [`in ${file.path}`]
  if (file.mimeType !== null) facts.push(formatType(file.mimeType))
  if (file.size !== null) facts.push(formatBytes(file.size))
  if (file.attempts > 1) facts.push(counted(file.attempts, 'attempt', 'attempts'))
  return [...facts, `Drive id ${file.driveId}`]
}
