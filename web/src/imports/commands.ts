/** What the buttons do, as commands for a shell. Pure. */
import type { Import, Selection } from '../api/types'
import { heading } from '../text/reasons'
import { hasEnded } from '../text/states'
import { byCount } from './progress'

export interface Command {
  readonly title: string
  readonly curl: string
  /** For the command line of Drivestream. */
  readonly drivestream: string
}

/** The commands that make sense in the import's state. `api` is the address of the API. */
export function commandsFor(one: Import, api: string, withKey = false): Command[] {
  const program = withKey ? 'curl -H "Authorization: Bearer $DRIVESTREAM_API_KEY"' : 'curl'
  const address = `${api}/imports/${encodeURIComponent(one.id)}`
  const commands = [{ title: 'Watch', curl: `${program} ${quoted(address)}`, drivestream: `drivestream watch ${quoted(one.id)}` }]
  if (one.state === 'cancelled') return commands
  if (!hasEnded(one)) {
    commands.push(control(one.state === 'paused' ? 'resume' : 'pause'), control('cancel'))
  }
  if (one.failed + one.foldersFailed > 0) commands.push(retry('Try all failures again', {}, ''))
  const reasons = byCount(one.failures)
  // A single reason is the same as all failures.
  if (reasons.length > 1 || (reasons.length === 1 && one.foldersFailed > 0)) {
    for (const [reason] of reasons) commands.push(retry(`Try again: ${heading(reason)}`, { reason }, ` --reason ${quoted(reason)}`))
  }
  return commands

  function control(word: 'pause' | 'resume' | 'cancel'): Command {
    return {
      title: `${word.charAt(0).toUpperCase()}${word.slice(1)}`,
      curl: `${program} -X POST ${quoted(`${address}/${word}`)}`,
      drivestream: `drivestream ${word} ${quoted(one.id)}`,
    }
  }

  function retry(title: string, selection: Selection, option: string): Command {
    const body = `-H 'Content-Type: application/json' -d ${quoted(JSON.stringify(selection))}`
    return {
      title,
      curl: `${program} ${body} ${quoted(`${address}/retry`)}`,
      drivestream: `drivestream retry ${quoted(one.id)}${option}`,
    }
  }
}

/** One word for a shell, whatever is in the text. */
export function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
