/** The calls about imports. */
import { call, posted } from './http'
import { nextPath } from './link'
import {
  parseFiles,
  parseImport,
  parseImports,
  parseJourney,
  parseRetried,
  parseStarted,
} from './parse'
import { apiPath } from './path'
import type {
  Control,
  FileState,
  Import,
  ImportFile,
  ImportReport,
  ImportStarted,
  Journey,
  Page,
  Retried,
  Selection,
} from './types'

const FILES_PER_PAGE = 100

export const FIRST_IMPORTS_PATH = apiPath('/imports')

/** Newest first. */
export async function fetchImports(path: string, signal: AbortSignal): Promise<Page<Import>> {
  const { json, link } = await call(path, { signal })
  return { items: parseImports(json), next: nextPath(link, path) }
}

export async function fetchImport(id: string, signal: AbortSignal): Promise<ImportReport> {
  return parseImport((await call(apiPath('/imports/{import_id}', { import_id: id }), { signal })).json)
}

/** Pauses, resumes or cancels an import; returns it as it is now. Repeating the call changes nothing. */
export async function controlImport(id: string, control: Control): Promise<ImportReport> {
  return parseImport((await call(apiPath(`/imports/{import_id}/${control}`, { import_id: id }), { method: 'POST' })).json)
}

/** Tries failed files and folders again. */
export async function retryImport(id: string, selection: Selection): Promise<Retried> {
  return parseRetried((await call(apiPath('/imports/{import_id}/retry', { import_id: id }), posted(selection))).json)
}

/** Starts one import per key, however often the call is repeated. */
export async function startImport(folderUrl: string, key: string, bulk: boolean): Promise<ImportStarted> {
  const answer = await call(apiPath('/import/google-drive'), posted(startBody(folderUrl, bulk), { 'idempotency-key': key }))
  return parseStarted(answer.json)
}

/** An older API knows no priority, so the usual one is not sent. */
export function startBody(folderUrl: string, bulk: boolean) {
  return { folderUrl, ...(bulk ? { priority: 'bulk' } : {}) }
}

/** Of all reasons, or of one. */
export function firstFilesPath(importId: string, state: FileState, reason?: string): string {
  return apiPath('/imports/{import_id}/files', { import_id: importId }, { state, reason, limit: FILES_PER_PAGE })
}

export async function fetchFiles(path: string, signal: AbortSignal): Promise<Page<ImportFile>> {
  const { json, link } = await call(path, { signal })
  return { items: parseFiles(json), next: nextPath(link, path) }
}

export async function fetchJourney(importId: string, driveId: string, signal: AbortSignal): Promise<Journey> {
  const path = apiPath('/imports/{import_id}/files/{google_drive_id}', { import_id: importId, google_drive_id: driveId })
  return parseJourney((await call(path, { signal })).json)
}
