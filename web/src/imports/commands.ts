/** What the buttons of an import do, as commands. Pure. */
import { apiPath } from '../api/path'
import type { FileState, Import, Selection } from '../api/types'
import { curlOf, DOWNLOAD, drivestreamOf, option, quoted, thisApi, type Api, type Command } from '../commands/shell'
import { startCommand } from '../start/commands'
import { t } from '../text/language'
import { heading } from '../text/reasons'
import { hasEnded } from '../text/states'
import { byCount } from './progress'

/** The commands that make sense in the import's state. */
export function commandsFor(one: Import, api: Api = thisApi()): Command[] {
  const words = t().report.commands
  const path = pathOf(one.id)
  const watch = { title: words.watch, curl: curlOf(api, path), drivestream: drivestreamOf(api, 'watch', quoted(one.id)) }
  const commands: Command[] = [watch, ...downloads(one, api)]
  const link = one.folderUrl ?? one.folderId
  if (one.state === 'cancelled') return link === null ? commands : [...commands, startCommand(link, one.bulk, t().report.actions.again, api)]
  if (!hasEnded(one)) {
    commands.push(control(one.state === 'paused' ? 'resume' : 'pause'), control('cancel'))
  }
  if (one.failed + one.foldersFailed > 0) commands.push(retryCommand(one.id, words.retryAll, {}, api))
  const reasons = byCount(one.failures)
  // A single reason is the same as all failures.
  if (reasons.length > 1 || (reasons.length === 1 && one.foldersFailed > 0)) {
    for (const [reason] of reasons) commands.push(retryCommand(one.id, words.retry(heading(reason)), { reason }, api))
  }
  return commands

  function control(word: 'pause' | 'resume' | 'cancel'): Command {
    return {
      title: words[word],
      curl: curlOf(api, `${path}/${word}`, { method: 'POST' }),
      drivestream: drivestreamOf(api, word, quoted(one.id)),
    }
  }
}

/** Another try of all that failed, or of what is selected. */
export function retryCommand(importId: string, title: string, selection: Selection, api: Api = thisApi()): Command {
  const options = Object.entries(selection).flatMap(([name, values]) => [values].flat().flatMap((value) => option(`--${name}`, value)))
  return {
    title,
    curl: curlOf(api, apiPath('/imports/{import_id}/retry', { import_id: importId }), { method: 'POST', body: selection }),
    drivestream: drivestreamOf(api, 'retry', quoted(importId), ...options),
  }
}

/** What can be downloaded of the import. The command line has no word for it. */
export function downloads(one: Import, api: Api = thisApi()): Command[] {
  const words = t().report.commands
  const named = { import_id: one.id }
  const download = (title: string, path: string): Command => ({ title, curl: curlOf(api, path, { options: DOWNLOAD }), drivestream: null })
  return [
    ...(one.found > 0 ? [download(words.manifest, apiPath('/imports/{import_id}/manifest.csv', named))] : []),
    ...(one.stored + one.unchanged > 0 ? [download(words.checksums, apiPath('/imports/{import_id}/SHA256SUMS', named))] : []),
  ]
}

/** A list of the import's files. The command line lists those that failed, by reason. */
export function listCommand(importId: string, state: FileState, reason: string | undefined, api: Api = thisApi()): Command {
  const path = apiPath('/imports/{import_id}/files', { import_id: importId }, { state, reason, limit: MOST_FILES })
  return {
    title: t().report.files.list,
    curl: curlOf(api, path),
    drivestream: state === 'failed' ? drivestreamOf(api, 'failures', quoted(importId)) : null,
  }
}

/** In one answer. */
const MOST_FILES = 1_000

/** For one file: its history, and the retry of a failure. */
export function fileCommands(importId: string, driveId: string, hasFailed: boolean, api: Api = thisApi()): Command[] {
  const history = {
    title: t().report.commands.history,
    curl: curlOf(api, apiPath('/imports/{import_id}/files/{google_drive_id}', { import_id: importId, google_drive_id: driveId })),
    drivestream: null,
  }
  return hasFailed ? [history, retryCommand(importId, t().report.retry.again, { files: [driveId] }, api)] : [history]
}

function pathOf(importId: string): string {
  return apiPath('/imports/{import_id}', { import_id: importId })
}
