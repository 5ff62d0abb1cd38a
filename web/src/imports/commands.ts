/** What the buttons of an import do, as commands. Pure. */
import { apiPath } from '../api/path'
import type { Import, Selection } from '../api/types'
import { curlOf, quoted, thisApi, type Api, type Command } from '../commands/shell'
import { t } from '../text/language'
import { heading } from '../text/reasons'
import { hasEnded } from '../text/states'
import { byCount } from './progress'

/** The commands that make sense in the import's state. */
export function commandsFor(one: Import, api: Api = thisApi()): Command[] {
  const words = t().report.commands
  const named = { import_id: one.id }
  const path = apiPath('/imports/{import_id}', named)
  const commands: Command[] = [{ title: words.watch, curl: curlOf(api, path), drivestream: `drivestream watch ${quoted(one.id)}` }]
  if (one.found > 0) {
    commands.push(download(words.manifest, apiPath('/imports/{import_id}/manifest.csv', named)))
    commands.push(download(words.checksums, apiPath('/imports/{import_id}/SHA256SUMS', named)))
  }
  if (one.state === 'cancelled') return commands
  if (!hasEnded(one)) {
    commands.push(control(one.state === 'paused' ? 'resume' : 'pause'), control('cancel'))
  }
  if (one.failed + one.foldersFailed > 0) commands.push(retry(words.retryAll, {}, ''))
  const reasons = byCount(one.failures)
  // A single reason is the same as all failures.
  if (reasons.length > 1 || (reasons.length === 1 && one.foldersFailed > 0)) {
    for (const [reason] of reasons) commands.push(retry(words.retry(heading(reason)), { reason }, ` --reason ${quoted(reason)}`))
  }
  return commands

  function download(title: string, from: string): Command {
    return { title, curl: `${curlOf(api, from)} -OJ`, drivestream: null }
  }

  function control(word: 'pause' | 'resume' | 'cancel'): Command {
    return {
      title: words[word],
      curl: curlOf(api, `${path}/${word}`, { method: 'POST' }),
      drivestream: `drivestream ${word} ${quoted(one.id)}`,
    }
  }

  function retry(title: string, selection: Selection, option: string): Command {
    return {
      title,
      curl: curlOf(api, `${path}/retry`, { method: 'POST', body: selection }),
      drivestream: `drivestream retry ${quoted(one.id)}${option}`,
    }
  }
}

/** For one file: its history, and the retry of a failure. */
export function fileCommands(importId: string, driveId: string, hasFailed: boolean, api: Api = thisApi()): Command[] {
  const words = t().report.commands
  const history = {
    title: words.history,
    curl: curlOf(api, apiPath('/imports/{import_id}/files/{google_drive_id}', { import_id: importId, google_drive_id: driveId })),
    drivestream: null,
  }
  if (!hasFailed) return [history]
  const again = {
    title: t().report.retry.again,
    curl: curlOf(api, apiPath('/imports/{import_id}/retry', { import_id: importId }), { method: 'POST', body: { files: [driveId] } }),
    drivestream: `drivestream retry ${quoted(importId)} --files ${quoted(driveId)}`,
  }
  return [history, again]
}
