import type { Import, ImportFile } from '../api/types'
import { t } from '../text/language'
import { HistoryButton } from './History'
import { RetryButton } from './RetryButton'

interface Props {
  readonly one: Import
  readonly file: ImportFile
  /** Whether it is being tried again. */
  readonly trying: boolean
}

export function FileActions({ one, file, trying }: Props) {
  return (
    <>
      <HistoryButton importId={one.id} driveId={file.driveId} name={file.name} />
      {one.state !== 'cancelled' && file.reason !== null && (
        <RetryButton
          importId={one.id}
          retry={{
            selection: { files: [file.driveId] },
            failures: { [file.reason]: one.failures[file.reason] ?? 1 },
            files: [file],
          }}
          label={t().report.retry.again}
          what={file.name}
          trying={trying}
        />
      )}
    </>
  )
}
