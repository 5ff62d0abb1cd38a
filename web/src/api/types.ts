/** What the API tells, as the page uses it. Counts are files unless named otherwise. */

export const IMPORT_STATES = [
  'queued',
  'listing',
  'transferring',
  'completed',
  'completed_with_failures',
  'failed',
  'cancelled',
  'paused',
] as const

export type ImportState = (typeof IMPORT_STATES)[number]

export interface ImportCounts {
  readonly found: number
  readonly stored: number
  readonly unchanged: number
  readonly failed: number
  readonly pending: number
}

export interface Import extends ImportCounts {
  readonly id: string
  /** A state that this page does not know yet is kept as it came. */
  readonly state: ImportState | (string & {})
  /** Null, with the link and the time of asking, while later facts are known before the request. */
  readonly folderId: string | null
  readonly folderUrl: string | null
  /** Files left out on purpose, by reason code. */
  readonly skipped: Readonly<Record<string, number>>
  /** Failed files by reason code. */
  readonly failures: Readonly<Record<string, number>>
  readonly foundBytes: number
  readonly storedBytes: number
  readonly foldersFound: number
  readonly foldersListed: number
  readonly foldersFailed: number
  readonly requestedAt: Date | null
  readonly firstStoredAt: Date | null
  readonly finishedAt: Date | null
  readonly updatedAt: Date | null
  readonly message: string | null
  /** Those of the failed files that Google withholds for a day; null if there are none. */
  readonly parked: ParkedFiles | null
}

export interface ParkedFiles {
  readonly files: number
  readonly reason: string
  /** When Google will surely have released them; null before the import has ended. */
  readonly after: Date | null
}

/** An import asked for by itself. */
export interface ImportReport extends Import {
  /** The first of those that could not be listed; `foldersFailed` counts them all. */
  readonly failedFolders: readonly FailedFolder[]
}

export interface FailedFolder {
  readonly folderId: string
  /** Folder names from the import's root down to this one, joined by a slash; empty for the root. */
  readonly path: string
  readonly reason: string
  readonly message: string
}

export type FileState = 'failed' | 'pending' | 'stored' | 'unchanged' | 'skipped'

export interface ImportFile {
  readonly driveId: string
  readonly name: string
  readonly path: string | null
  readonly reason: string | null
  readonly message: string | null
  readonly size: number | null
  readonly mimeType: string | null
  readonly attempts: number
}

export interface Picture {
  readonly id: string
  readonly driveId: string
  readonly name: string
  readonly size: number | null
  readonly mimeType: string
  readonly storagePath: string
  readonly createdAt: Date
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** The API's path of the page that follows; null at the end. */
  readonly next: string | null
}

export interface ImportStarted {
  readonly jobId: string
}
