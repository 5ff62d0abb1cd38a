/** What the page of the stream shows and does, for a terminal. Pure. */
import { apiPath } from '../api/path'
import { curlOf, drivestreamOf, thisApi, type Api, type Command } from '../commands/shell'
import { planCommand } from '../replays/commands'
import { t } from '../text/language'
import { REDRIVE } from './system'

export function systemCommand(api: Api = thisApi()): Command {
  return { title: t().flow.what, curl: curlOf(api, apiPath('/system')), drivestream: drivestreamOf(api, 'status') }
}

export function eventsCommand(topic: string, api: Api = thisApi()): Command {
  const path = apiPath('/topics/{name}/events', { name: topic }, { limit: 20 })
  return { title: t().flow.events.title, curl: curlOf(api, path), drivestream: null }
}

/** The list of dead letters, and what publishing them again would do. */
export function letterCommands(api: Api = thisApi()): Command[] {
  const list = { title: t().flow.letters.title, curl: curlOf(api, apiPath('/dead-letters')), drivestream: drivestreamOf(api, 'dead-letters') }
  return [list, planCommand(REDRIVE, api)]
}
