/** The calls about images. */
import { call, MOUNT } from './http'
import { nextPath } from './link'
import { parseFolders, parsePicture, parsePictures, parseSections } from './parseImages'
import { apiPath } from './path'
import type { ImageFolder, ImageSections, Picture, PictureDetails } from './types'

/** What a list of images has: the parameters of the API. */
export interface ImageQuery {
  readonly import?: string | undefined
  readonly folder?: string | undefined
  readonly below?: true | undefined
  readonly name?: string | undefined
  readonly type?: string | undefined
  readonly min_size?: number | undefined
  readonly max_size?: number | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly order: NonNullable<Parameters<typeof apiPath<'/images'>>[2]>['order']
}

/** So many that a screen needs one or two, and so few that they are there at once. */
export const SECTION_SIZE = 200
/** What `GET /images/{id}/thumbnail` draws. */
const WIDTHS = [160, 320, 640] as const
const FOLDERS_PER_PAGE = 1_000
/** More are not shown. */
export const MOST_FOLDERS = 20_000

export async function fetchSections(list: ImageQuery, image: string | undefined, signal: AbortSignal): Promise<ImageSections> {
  const path = apiPath('/images/sections', {}, { ...list, section_size: SECTION_SIZE, image })
  return parseSections((await call(path, { signal })).json)
}

export async function fetchSection(list: ImageQuery, cursor: string, signal: AbortSignal): Promise<readonly Picture[]> {
  const path = apiPath('/images', {}, { ...list, limit: SECTION_SIZE, cursor })
  return parsePictures((await call(path, { signal })).json)
}

export async function fetchPicture(driveId: string, signal: AbortSignal): Promise<PictureDetails> {
  return parsePicture((await call(apiPath('/images/{google_drive_id}', { google_drive_id: driveId }), { signal })).json)
}

export async function fetchFolders(importId: string, signal: AbortSignal): Promise<readonly ImageFolder[]> {
  const folders: ImageFolder[] = []
  let path: string | null = apiPath('/imports/{import_id}/folders', { import_id: importId }, { limit: FOLDERS_PER_PAGE })
  while (path !== null && folders.length < MOST_FOLDERS) {
    // oxlint-disable-next-line no-await-in-loop -- each page names the next
    const { json, link } = await call(path, { signal })
    folders.push(...parseFolders(json))
    path = nextPath(link, path)
  }
  return folders
}

/** The image's bytes, by way of our own origin: the API redirects to the object store. */
export function contentUrl(driveId: string): string {
  return MOUNT + contentPath(driveId)
}

export function contentPath(driveId: string): string {
  return apiPath('/images/{google_drive_id}/content', { google_drive_id: driveId })
}

export function thumbnailUrl(driveId: string, width: number): string {
  return MOUNT + apiPath('/images/{google_drive_id}/thumbnail', { google_drive_id: driveId }, { width })
}

/** For `srcset`, so that a dense screen gets more pixels. */
export function thumbnailUrls(driveId: string, authorize: (url: string) => string): string {
  return WIDTHS.map((width) => `${authorize(thumbnailUrl(driveId, width))} ${width}w`).join(', ')
}

/** Whether it is worth another attempt: the API is busy, rather than unable to draw the image. */
export async function isBusy(url: string): Promise<boolean> {
  try {
    const { status } = await fetch(url, { method: 'HEAD' })
    return status === 429 || status >= 500
  } catch {
    return true
  }
}

/** Where the original opens: the store's own address, if it is one that a browser can open. */
export function originalUrl({ driveId, storagePath }: Pick<Picture, 'driveId' | 'storagePath'>): string {
  return /^https?:\/\//i.test(storagePath) ? storagePath : contentUrl(driveId)
}

const LATEST = 16

/** The images that an import stored last, newest first. */
export async function fetchLatest(importId: string, signal: AbortSignal): Promise<readonly Picture[]> {
  const path = apiPath('/images', {}, { import: importId, order: 'newest', limit: LATEST })
  return parsePictures((await call(path, { signal })).json)
}
