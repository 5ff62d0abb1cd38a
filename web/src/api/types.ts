/** The API's data as the page uses it. Counts are numbers of files unless named otherwise. */

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
  /** A state that this page does not know is kept unchanged. */
  readonly state: ImportState | (string & {})
  /** The folder's name in Drive; null until the folder has been read. */
  readonly name: string | null
  /**
   * Results can reach the database before the request itself does. Until then the folder's id, its
   * link and the time of the request are null.
   */
  readonly folderId: string | null
  readonly folderUrl: string | null
  /** Files that were deliberately not copied, by reason code. */
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
  /** Whether all other imports go first, as it was requested. */
  readonly bulk: boolean
  /** The number of the newest retry that the counts include; 0 if there was none. */
  readonly round: number
  /** Failed files that Google will not serve for up to a day; null if there are none. */
  readonly parked: ParkedFiles | null
  /** Why nothing moves at the moment; null while the import makes progress. */
  readonly waitingFor: Waiting | null
  /** What limits the speed while it makes progress, such as a slow line; null if nothing does. */
  readonly limitedBy: Waiting | null
}

/** What happened a second in the last half minute, by the monitor. */
export interface Rates {
  readonly asOf: Date
  readonly found: number
  readonly stored: number
  readonly failed: number
  readonly bytes: number
}

export interface ParkedFiles {
  readonly files: number
  readonly reason: string
  /** When they are tried again without anybody's doing; null until the import has finished. */
  readonly after: Date | null
}

export interface Waiting {
  readonly reason: string
  readonly message: string
  /** When work is tried again; null if nobody knows. */
  readonly until: Date | null
}

/** A single import, as `GET /imports/{id}` returns it. */
export interface ImportReport extends Import {
  /** The first folders that could not be listed; `foldersFailed` is the number of all. */
  readonly failedFolders: readonly FailedFolder[]
}

export interface FailedFolder {
  readonly folderId: string
  /** Folder names from below the root down to this folder, joined by slashes; empty for the root. */
  readonly path: string
  readonly reason: string
  readonly message: string
}

export const FILE_STATES = ['failed', 'pending', 'stored', 'unchanged', 'skipped'] as const
export type FileState = (typeof FILE_STATES)[number]

/** Where a record lies in Kafka. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** One call to Drive or to the store. */
export interface Attempt {
  readonly system: string
  readonly at: Date
  readonly seconds: number
  /** `ok`, or the reason code of the failure. */
  readonly answer: string
}

/** What was done for a file in one round: at first, by a retry, or by a replay. */
export interface Outcome {
  readonly round: number
  readonly state: string
  readonly at: Date
  readonly place: Place
  readonly reason: string | null
  readonly message: string | null
  readonly replayId: string | null
  /** The newest calls. */
  readonly tries: readonly Attempt[]
}

/** One file of an import, and how it came to its present state. */
export interface Journey {
  readonly state: string
  readonly path: string
  readonly size: number | null
  readonly objectKey: string | null
  readonly md5: string | null
  readonly sha256: string | null
  readonly version: number | null
  readonly foundAt: Date | null
  readonly foundPlace: Place | null
  readonly outcomes: readonly Outcome[]
  /** Why outcomes are missing; null if all are there. */
  readonly whyIncomplete: string | null
}

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
  /** What Drive says. */
  readonly mimeType: string
  /** What it is by its bytes, and served as. */
  readonly contentType: string
  /** The address of the original, which may be on another origin. */
  readonly storagePath: string
  readonly createdAt: Date
  /** In pixels; null if Drive did not say. */
  readonly width: number | null
  readonly height: number | null
}

/** Everything that is known about an image. */
export interface PictureDetails extends Picture {
  readonly folderId: string
  readonly path: string
  readonly md5: string | null
  readonly sha256: string | null
  readonly modifiedAt: Date | null
}

/** A list of images at one moment, and where each section of it begins. */
export interface ImageSections {
  readonly total: number
  readonly sectionSize: number
  readonly cursors: readonly string[]
  /** The index of the image that was looked for; null if the list does not have it. */
  readonly position: number | null
}

export interface ImageFolder {
  readonly folderId: string
  /** Names from below the root down to this folder; empty for the root. */
  readonly path: readonly string[]
  /** How many images are directly in it. */
  readonly images: number
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** The API's path of the next page; null on the last one. */
  readonly next: string | null
}

/** What can be asked of an import as a whole. */
export type Control = 'pause' | 'resume' | 'cancel'

/** Which failures are tried again: all of them, those of one reason, or single files or folders. */
export type Selection =
  | Readonly<Record<string, never>>
  | { readonly reason: string }
  | { readonly files: readonly string[] }
  | { readonly folders: readonly string[] }

/** How much a retry selected. Both are 0 if nothing has failed. */
export interface Retried {
  readonly files: number
  readonly folders: number
  readonly round: number
}

export interface ImportStarted {
  readonly jobId: string
}
