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
    priority: 'normal',
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
    content_type: 'image/jpeg',
    ...changes,
  }
}

export function replayJson(changes: Json = {}): Json {
  return {
    id: 'replay-1',
    state: 'running',
    name: 'outage',
    why: 'The store was full.',
    by: null,
    message: null,
    waiting_for: null,
    selected: 100,
    stored: 40,
    unchanged: 0,
    failed: 1,
    pending: 59,
    failures: { store_full: 1 },
    stored_bytes: 4_000,
    redriven: 0,
    files_per_second: null,
    round: 1,
    depth: 0,
    plan: {
      mode: 'failed',
      transfer: 'check',
      target: null,
      select: {
        imports: ['job-1'],
        folders: [],
        files: [],
        outcomes: [],
        reasons: [],
        since: null,
        until: null,
        dead_letters: false,
      },
      files: 100,
      bytes: 10_000,
      most: null,
    },
    requested_at: '2026-11-23T10:00:00Z',
    updated_at: '2026-11-23T10:00:10Z',
    finished_at: null,
    partitions: [
      { partition: 0, offset: 10, end: 10, read_at: null, done: true },
      { partition: 1, offset: 10, end: 10, read_at: null, done: true },
    ],
    reading: [],
    pending_files: [{ import_id: 'job-1', google_drive_id: 'a', name: 'late.jpg' }],
    ...changes,
  }
}

export function planJson(changes: Json = {}): Json {
  return {
    plan_id: 'AQ2S7YwbG7zCeNp1kltP4zAQhf',
    mode: 'failed',
    transfer: 'check',
    target: null,
    select: {},
    files: 3,
    bytes: 15_000,
    quota_units: 600,
    seconds: 2,
    no_op: 0,
    by_outcome: { failed: 3 },
    by_reason: { store_full: 3 },
    by_import: { 'job-1': 3 },
    imports: 1,
    left_out: 0,
    unreadable: 0,
    samples: [{ google_drive_id: 'a', name: 'one.jpg', import_id: 'job-1', outcome: 'failed', reason: 'store_full' }],
    ends: [],
    earliest: '2026-11-20T10:00:00Z',
    unread: 0,
    made_at: '2026-11-23T10:00:00Z',
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
