/** The preview and the start of an import, for a terminal. Pure. */
import { apiPath } from '../api/path'
import { curlOf, quoted, thisApi, type Api, type Command } from '../commands/shell'
import { t } from '../text/language'

export function startCommands(link: string, api: Api = thisApi()): Command[] {
  const words = t().start.commands
  const asked = { method: 'POST', body: { folderUrl: link } } as const
  return [
    { title: words.start, curl: curlOf(api, apiPath('/import/google-drive'), asked), drivestream: `drivestream import ${quoted(link)} --watch` },
    { title: words.preview, curl: curlOf(api, apiPath('/imports/preview'), asked), drivestream: `drivestream preview ${quoted(link)}` },
  ]
}
