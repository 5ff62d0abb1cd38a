/** Turns the API's JSON about images into the types of the page. */
import type { ImageFolder, ImageSections, Picture, PictureDetails } from './types'
import { count, fieldsOf, identifier, list, optional, text, time, type Value } from './values'

export function parsePictures(json: unknown): Picture[] {
  return list({ json, at: 'images' }, pictureOf)
}

export function parsePicture(json: unknown): PictureDetails {
  const value = { json, at: 'image' }
  const field = fieldsOf<'ImageDetails'>(value)
  return {
    ...pictureOf(value),
    folderId: field('folder_id', text),
    path: field('path', text),
    md5: field('md5', optional(text)),
    sha256: field('sha256', optional(text)),
    modifiedAt: field('modified_at', optional(time)),
  }
}

export function parseSections(json: unknown): ImageSections {
  const field = fieldsOf<'ImageSectionList'>({ json, at: 'sections' })
  return {
    total: field('total', count),
    sectionSize: field('section_size', count),
    cursors: field('cursors', (cursors) => list(cursors, text)),
    position: field('position', optional(count)),
  }
}

export function parseFolders(json: unknown): ImageFolder[] {
  return list({ json, at: 'folders' }, folderOf)
}

function folderOf(value: Value): ImageFolder {
  const field = fieldsOf<'ImageFolder'>(value)
  return {
    folderId: field('folder_id', text),
    path: field('path', (path) => list(path, text)),
    images: field('images', count),
  }
}

function pictureOf(value: Value): Picture {
  const field = fieldsOf<'ListedImage'>(value)
  return {
    id: field('id', identifier),
    driveId: field('google_drive_id', text),
    name: field('name', text),
    size: field('size', optional(count)),
    mimeType: field('mime_type', text),
    // An API of before does not tell it.
    contentType: field('content_type', optional(text)) ?? field('mime_type', text),
    storagePath: field('storage_path', text),
    createdAt: field('created_at', time),
    width: field('width', optional(count)),
    height: field('height', optional(count)),
  }
}
