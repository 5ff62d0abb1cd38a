/** Lists of images, and one of them, for a terminal. Pure. */
import { contentPath, type ImageQuery } from '../api/images'
import { apiPath } from '../api/path'
import type { Picture } from '../api/types'
import { curlOf, drivestreamOf, option, quoted, thisApi, type Api, type Command } from '../commands/shell'
import { t } from '../text/language'

const LONGEST_NAME = 100

/** The list as it is filtered and ordered now, and the same as a file. */
export function listCommands(list: ImageQuery, api: Api = thisApi()): Command[] {
  const words = t().gallery.commands
  const asked = { ...list, order: orderOf(list) }
  const { min_size: min, max_size: max, order, below, ...rest } = asked
  const options = [
    ...Object.entries(rest).flatMap(([name, value]) => option(`--${name}`, value)),
    ...(below === true ? ['--below'] : []),
    ...option('--min-size', min),
    ...option('--max-size', max),
    ...option('--order', order ?? undefined),
  ]
  return [
    { title: words.list, curl: curlOf(api, apiPath('/images', {}, asked)), drivestream: drivestreamOf(api, 'images', ...options) },
    { title: words.export, curl: null, drivestream: drivestreamOf(api, 'export', ...options, '--output=images.csv') },
  ]
}

/** The command line has no `newest`. */
function orderOf({ order, import: importId }: ImageQuery): ImageQuery['order'] {
  if (order !== 'newest') return order
  return importId === undefined ? '-id' : '-imported_at'
}

export function imageCommands({ driveId, name }: Pick<Picture, 'driveId' | 'name'>, api: Api = thisApi()): Command[] {
  const words = t().gallery.commands
  const details = apiPath('/images/{google_drive_id}', { google_drive_id: driveId })
  // The API redirects to the store.
  const options = `-fL -o ${quoted(fileName(name))}`
  return [
    { title: words.download, curl: curlOf(api, contentPath(driveId), { options }), drivestream: null },
    { title: words.details, curl: curlOf(api, details), drivestream: null },
  ]
}

/** In this directory, whatever the name in Drive is. */
function fileName(name: string): string {
  return `./${name.replaceAll(/[^\p{L}\p{N} ()._-]/gu, '_').slice(-LONGEST_NAME)}`
}
