/** The preview and the start of an import, for a terminal. Pure. */
import { apiPath } from '../api/path'
import { curlOf, drivestreamOf, quoted, thisApi, type Api, type Command } from '../commands/shell'
import { t } from '../text/language'

export function startCommands(link: string, api: Api = thisApi()): Command[] {
  const preview = {
    title: t().start.commands.preview,
    curl: curlOf(api, apiPath('/imports/preview'), asked(link)),
    drivestream: drivestreamOf(api, 'preview', quoted(link)),
  }
  return [startCommand(link, t().start.commands.start, api), preview]
}

export function startCommand(link: string, title: string, api: Api = thisApi()): Command {
  return {
    title,
    curl: curlOf(api, apiPath('/import/google-drive'), asked(link)),
    drivestream: drivestreamOf(api, 'import', quoted(link), '--watch'),
  }
}

function asked(link: string) {
  return { method: 'POST', body: { folderUrl: link } } as const
}
