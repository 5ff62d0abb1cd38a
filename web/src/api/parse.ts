/** Turns the API's JSON into the types of the page. */
import type { Token } from './access'
import type {
  Attempt,
  FailedFolder,
  Import,
  ImportFile,
  ImportReport,
  ImportStarted,
  Journey,
  Outcome,
  ParkedFiles,
  Place,
  Rates,
  Retried,
  Waiting,
} from './types'
import { count, fieldsOf, list, number, optional, tally, text, time, type Value } from './values'

export function parseImports(json: unknown): Import[] {
  return list({ json, at: 'imports' }, importOf)
}

export function parseImport(json: unknown): ImportReport {
  const value = { json, at: 'import' }
  const field = fieldsOf<'ImportReport'>(value)
  return { ...importOf(value), failedFolders: field('failed_folders', (folders) => list(folders, failedFolderOf)) }
}

export function parseFiles(json: unknown): ImportFile[] {
  return list({ json, at: 'files' }, fileOf)
}

export function parseStarted(json: unknown): ImportStarted {
  const field = fieldsOf<'ImportStarted'>({ json, at: 'response' })
  return { jobId: field('jobId', text) }
}

/** Without keys there is no token. Then an empty one does no harm. */
export function parseToken(json: unknown): Token {
  const field = fieldsOf<'AccessToken'>({ json, at: 'response' })
  const expiresAt = field('expires_at', optional(time))
  return { token: field('access_token', optional(text)) ?? '', expiresAt: expiresAt?.getTime() ?? Infinity }
}

export function parseRetried(json: unknown): Retried {
  const field = fieldsOf<'Retried'>({ json, at: 'response' })
  return { files: field('files', count), folders: field('folders', count), round: field('round', count) }
}

/** What the monitor counts; null while it is silent. */
export function parseRates(json: unknown): Rates | null {
  return optional(ratesOf)({ json, at: 'rates' })
}

function ratesOf(value: Value): Rates {
  const field = fieldsOf<'StreamRates'>(value)
  return {
    asOf: field('as_of', time),
    found: field('found_per_second', number),
    stored: field('stored_per_second', number),
    failed: field('failed_per_second', number),
    bytes: field('bytes_per_second', number),
  }
}

/** Why the stream has nothing new. */
export function parseTrouble(json: unknown): { code: string; detail: string } {
  const field = fieldsOf<'StreamTrouble'>({ json, at: 'trouble' })
  return { code: field('code', text), detail: field('detail', text) }
}

function importOf(value: Value): Import {
  const field = fieldsOf<'ImportView'>(value)
  return {
    id: field('id', text),
    state: field('state', text),
    name: field('name', optional(text)),
    folderId: field('folder_id', optional(text)),
    folderUrl: field('folder_url', optional(text)),
    found: field('found', count),
    stored: field('stored', count),
    unchanged: field('unchanged', count),
    failed: field('failed', count),
    pending: field('pending', count),
    skipped: field('skipped', tally),
    failures: field('failures', tally),
    foundBytes: field('found_bytes', count),
    storedBytes: field('stored_bytes', count),
    foldersFound: field('folders_found', count),
    foldersListed: field('folders_listed', count),
    foldersFailed: field('folders_failed', count),
    requestedAt: field('requested_at', optional(time)),
    firstStoredAt: field('first_stored_at', optional(time)),
    finishedAt: field('finished_at', optional(time)),
    updatedAt: field('updated_at', optional(time)),
    message: field('message', optional(text)),
    // An older API has no priorities.
    bulk: field('priority', optional(text)) === 'bulk',
    round: field('round', count),
    parked: field('parked', optional(parkedOf)),
    waitingFor: field('waiting_for', optional(waitingOf)),
    limitedBy: field('limited_by', optional(waitingOf)),
  }
}

function parkedOf(value: Value): ParkedFiles {
  const field = fieldsOf<'Parked'>(value)
  return { files: field('files', count), reason: field('reason', text), after: field('after', optional(time)) }
}

export function waitingOf(value: Value): Waiting {
  const field = fieldsOf<'Waiting'>(value)
  return { reason: field('reason', text), message: field('message', text), until: field('until', optional(time)) }
}

function failedFolderOf(value: Value): FailedFolder {
  const field = fieldsOf<'FailedFolder'>(value)
  return {
    folderId: field('folder_id', text),
    path: field('path', text),
    reason: field('reason', text),
    message: field('message', text),
  }
}

function fileOf(value: Value): ImportFile {
  const field = fieldsOf<'ImportFile'>(value)
  return {
    driveId: field('google_drive_id', text),
    name: field('name', text),
    path: field('path', optional(text)),
    reason: field('reason', optional(text)),
    message: field('message', optional(text)),
    size: field('size', optional(count)),
    mimeType: field('mime_type', optional(text)),
    attempts: field('attempts', count),
  }
}

export function parseJourney(json: unknown): Journey {
  const field = fieldsOf<'FileJourney'>({ json, at: 'file' })
  return {
    state: field('state', text),
    path: field('path', text),
    size: field('size', optional(count)),
    objectKey: field('object_key', optional(text)),
    md5: field('md5', optional(text)),
    sha256: field('sha256', optional(text)),
    version: field('drive_version', optional(count)),
    foundAt: field('found', optional((found) => fieldsOf<'FoundRecord'>(found)('at', optional(time)))),
    foundPlace: field('found', optional((found) => fieldsOf<'FoundRecord'>(found)('place', optional(placeOf)))),
    outcomes: field('outcomes', (outcomes) => list(outcomes, outcomeOf)),
    whyIncomplete: field('why_incomplete', optional(text)),
  }
}

function outcomeOf(value: Value): Outcome {
  const field = fieldsOf<'OutcomeView'>(value)
  return {
    round: field('round', count),
    state: field('state', text),
    at: field('at', time),
    place: field('place', placeOf),
    reason: field('reason', optional(text)),
    message: field('message', optional(text)),
    replayId: field('replay_id', optional(text)),
    tries: field('tries', (tries) => list(tries, attemptOf)),
  }
}

function attemptOf(value: Value): Attempt {
  const field = fieldsOf<'Attempt'>(value)
  return { system: field('system', text), at: field('at', time), seconds: field('seconds', number), answer: field('answer', text) }
}

function placeOf(value: Value): Place {
  const field = fieldsOf<'Place'>(value)
  return { topic: field('topic', text), partition: field('partition', count), offset: field('offset', count) }
}
