/** The preview and the start of an import, for a terminal. Pure. */
import { startBody } from '../api/client'
import { apiPath } from '../api/path'
import { curlOf, drivestreamOf, quoted, thisApi, type Api, type Command } from '../commands/shell'
import { t } from '../text/language'

export function startCommands(link: string, bulk: boolean, api: Api = thisApi()): Command[] {
  const preview = {
    title: t().start.commands.preview,
    curl: curlOf(api, apiPath('/imports/preview'), { method: 'POST', body: { folderUrl: link } }),
    drivestream: drivestreamOf(api, 'preview', quoted(link)),
  }
  return [startCommand(link, bulk, t().start.commands.start, api), preview]
}

export function startCommand(link: string, bulk: boolean, title: string, api: Api = thisApi()): Command {
  return {
    title,
    curl: curlOf(api, apiPath('/import/google-drive'), { method: 'POST', body: startBody(link, bulk) }),
    drivestream: drivestreamOf(api, 'import', quoted(link), ...(bulk ? ['--priority=bulk'] : []), '--watch'),
  }
}
