/** The API's JSON with the changes that a test needs. */
import { parseImport } from '../src/api/parse'
import type { Import } from '../src/api/types'

type Json = Record<string, unknown>

export function importJson(changes: Json = {}): Json {
  return {
    id: 'job-1',
    state: 'completed',
    name: 'Holidays',
    folder_id: 'folder-1',
    folder_url: 'https://drive.google.com/drive/folders/folder-1',
    found: 2412,
    stored: 2400,
    unchanged: 0,
    failed: 12,
    pending: 0,
    skipped: {},
    failures: {},
    found_bytes: 3_000_000,
    stored_bytes: 2_900_000,
    folders_found: 3,
    folders_listed: 3,
    folders_failed: 0,
    requested_at: '2026-11-23T10:00:00Z',
    first_stored_at: '2026-11-23T10:00:02Z',
    finished_at: '2026-11-23T10:00:20Z',
    updated_at: '2026-11-23T10:00:20Z',
    message: null,
    round: 0,
    parked: null,
    waiting_for: null,
    failed_folders: [],
    ...changes,
  }
}

export function folderJson(changes: Json = {}): Json {
  return {
    folder_id: 'sub-1',
    path: 'Holidays/2026',
    reason: 'not_found',
    message: 'This folder is not shared.',
    failed_at: '2026-11-23T10:00:05Z',
    ...changes,
  }
}

export function anImport(changes: Json = {}): Import {
  return parseImport(importJson(changes))
}

export function fileJson(changes: Json = {}): Json {
  return {
    google_drive_id: 'file-1',
    name: 'one.jpg',
    path: null,
    state: 'failed',
    reason: 'some_reason',
    message: 'Some sentence.',
    size: 1000,
    mime_type: 'image/jpeg',
    round: 0,
    attempts: 3,
    object_key: null,
    updated_at: '2026-11-23T10:00:05Z',
    ...changes,
  }
}

export function pictureJson(changes: Json = {}): Json {
  return {
    id: 1,
    name: 'one.jpg',
    google_drive_id: 'drive-1',
    size: 123_456,
    mime_type: 'image/jpeg',
    storage_path: 'https://store.example/images/folder-1/drive-1_0123456789ab_one.jpg',
    created_at: '2026-11-23T10:00:05Z',
    ...changes,
  }
}

export function outcomeJson(changes: Json = {}): Json {
  return {
    round: 0,
    epoch: 0,
    state: 'stored',
    at: '2026-11-23T10:00:05Z',
    place: { topic: 'files.failed', partition: 0, offset: 1 },
    found: { at: '2026-11-23T10:00:01Z', place: null },
    reason: null,
    message: null,
    replay_id: null,
    attempts: 1,
    tries: [],
    ...changes,
  }
}
