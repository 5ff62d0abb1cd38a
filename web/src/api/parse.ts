/**
 * Turns the API's JSON into our types. Nothing is trusted: a value that breaks the contract raises a
 * `malformed` error that names the field, instead of crashing a component later.
 */
import type { Token } from './access'
import { ApiError } from './errors'
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
  Picture,
  Place,
  Retried,
  Waiting,
} from './types'

/** A JSON value and its place in the response, for the error message. */
interface Value {
  readonly json: unknown
  readonly at: string
}

type Parser<T> = (value: Value) => T

export function parseImports(json: unknown): Import[] {
  return list({ json, at: 'imports' }, importOf)
}

export function parseImport(json: unknown): ImportReport {
  const value = { json, at: 'import' }
  const field = fieldsOf(value)
  return { ...importOf(value), failedFolders: field('failed_folders', (folders) => list(folders, failedFolderOf)) }
}

export function parseFiles(json: unknown): ImportFile[] {
  return list({ json, at: 'files' }, fileOf)
}

export function parsePictures(json: unknown): Picture[] {
  return list({ json, at: 'images' }, pictureOf)
}

export function parseStarted(json: unknown): ImportStarted {
  const field = fieldsOf({ json, at: 'response' })
  return { jobId: field('jobId', text) }
}

/** Without keys there is no token. Then an empty one does no harm. */
export function parseToken(json: unknown): Token {
  const field = fieldsOf({ json, at: 'response' })
  const expiresAt = field('expires_at', optional(time))
  return { token: field('access_token', optional(text)) ?? '', expiresAt: expiresAt?.getTime() ?? Infinity }
}

export function parseRetried(json: unknown): Retried {
  const field = fieldsOf({ json, at: 'response' })
  return { files: field('files', count), folders: field('folders', count), round: field('round', count) }
}

function importOf(value: Value): Import {
  const field = fieldsOf(value)
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
    round: field('round', count),
    parked: field('parked', optional(parkedOf)),
    waitingFor: field('waiting_for', optional(waitingOf)),
    limitedBy: field('limited_by', optional(waitingOf)),
  }
}

function parkedOf(value: Value): ParkedFiles {
  const field = fieldsOf(value)
  return { files: field('files', count), reason: field('reason', text), after: field('after', optional(time)) }
}

function waitingOf(value: Value): Waiting {
  const field = fieldsOf(value)
  return { reason: field('reason', text), message: field('message', text), until: field('until', optional(time)) }
}

function failedFolderOf(value: Value): FailedFolder {
  const field = fieldsOf(value)
  return {
    folderId: field('folder_id', text),
    path: field('path', text),
    reason: field('reason', text),
    message: field('message', text),
  }
}

function fileOf(value: Value): ImportFile {
  const field = fieldsOf(value)
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
  const field = fieldsOf({ json, at: 'file' })
  return {
    state: field('state', text),
    path: field('path', text),
    size: field('size', optional(count)),
    objectKey: field('object_key', optional(text)),
    md5: field('md5', optional(text)),
    sha256: field('sha256', optional(text)),
    version: field('drive_version', optional(count)),
    foundAt: field('found', optional((found) => fieldsOf(found)('at', optional(time)))),
    foundPlace: field('found', optional((found) => fieldsOf(found)('place', optional(placeOf)))),
    outcomes: field('outcomes', (outcomes) => list(outcomes, outcomeOf)),
    whyIncomplete: field('why_incomplete', optional(text)),
  }
}

function outcomeOf(value: Value): Outcome {
  const field = fieldsOf(value)
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
  const field = fieldsOf(value)
  return { system: field('system', text), at: field('at', time), seconds: field('seconds', number), answer: field('answer', text) }
}

function placeOf(value: Value): Place {
  const field = fieldsOf(value)
  return { topic: field('topic', text), partition: field('partition', count), offset: field('offset', count) }
}

function pictureOf(value: Value): Picture {
  const field = fieldsOf(value)
  return {
    id: field('id', identifier),
    driveId: field('google_drive_id', text),
    name: field('name', text),
    size: field('size', optional(count)),
    mimeType: field('mime_type', text),
    storagePath: field('storage_path', text),
    createdAt: field('created_at', time),
  }
}

function fieldsOf(value: Value): <T>(name: string, parse: Parser<T>) => T {
  const { json, at } = value
  if (!isRecord(json)) throw unfit(value, 'an object')
  return (name, parse) => parse({ json: json[name], at: `${at}.${name}` })
}

function list<T>(value: Value, parse: Parser<T>): T[] {
  const { json, at } = value
  if (!Array.isArray(json)) throw unfit(value, 'a list')
  return json.map((item: unknown, index) => parse({ json: item, at: `${at}[${index}]` }))
}

function optional<T>(parse: Parser<T>): Parser<T | null> {
  return (value) => (value.json === null || value.json === undefined ? null : parse(value))
}

const text: Parser<string> = (value) => {
  if (typeof value.json !== 'string') throw unfit(value, 'text')
  return value.json
}

/** A surrogate key: a number or text that is only shown and compared. */
const identifier: Parser<string> = (value) =>
  typeof value.json === 'number' ? String(count(value)) : text(value)

const count: Parser<number> = (value) => {
  const { json } = value
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0) {
    throw unfit(value, 'a whole number of 0 or more')
  }
  return json
}

const number: Parser<number> = (value) => {
  if (typeof value.json !== 'number') throw unfit(value, 'a number')
  return value.json
}

const time: Parser<Date> = (value) => {
  const date = new Date(text(value))
  if (Number.isNaN(date.getTime())) throw unfit(value, 'a time')
  return date
}

const tally: Parser<Record<string, number>> = (value) => {
  if (!isRecord(value.json)) throw unfit(value, 'counts by reason')
  const entries = Object.entries(value.json)
  return Object.fromEntries(
    entries.map(([reason, json]) => [reason, count({ json, at: `${value.at}.${reason}` })]),
  )
}

function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function unfit(value: Value, expected: string): ApiError {
  const { json } = value
  const got = json === undefined ? 'missing' : JSON.stringify(json).slice(0, 60)
  return new ApiError('malformed', `The API sent an unexpected response: ${value.at} should be ${expected}, but is ${got}.`)
}
