import type { Import, ImportFile } from '../api/types'
import { FileActions } from './FileActions'
import { factsOf, whyOf } from './fileFacts'

interface Props {
  readonly one: Import
  readonly files: readonly ImportFile[]
  /** False where all files share one reason, which is then shown above the list. */
  readonly withReasons: boolean
  /** Those of the files that have failed. The others are being retried. */
  readonly failed: readonly ImportFile[]
}

/** A few files, each with all that is said of it. */
export function FileList({ one, files, withReasons, failed }: Props) {
  return (
    <ul className="files">
      {files.map((file) => (
        <li key={file.driveId}>
          <span className="file-name">
            <bdi>{file.name}</bdi>
          </span>
          <span className="quiet file-facts">{factsOf(file).join(' · ')}</span>
          {withReasons && <span className="file-message">{whyOf(file)}</span>}
          <div className="file-actions">
            <FileActions one={one} file={file} trying={!failed.includes(file)} />
          </div>
        </li>
      ))}
    </ul>
  )
}
