/** Replays for a terminal. Pure. */
import { apiPath } from '../api/path'
import type { PlanRequest, Replay } from '../api/replays'
import { curlOf, quoted, thisApi, type Api, type Command } from '../commands/shell'
import { t } from '../text/language'
import { hasEnded } from './progress'

const OPTIONS = [
  ['imports', '--import'],
  ['outcomes', '--outcome'],
  ['since', '--since'],
] as const

export function planCommands(request: PlanRequest, api: Api = thisApi()): Command[] {
  const options = OPTIONS.flatMap(([name, option]) => {
    const values = [request.select[name] ?? []].flat()
    return values.length === 0 ? [] : [[option, ...values.map((value) => quoted(String(value)))].join(' ')]
  })
  const letters = request.select['dead_letters'] === true ? ['--dead-letters'] : []
  const force = request.transfer === undefined ? [] : ['--transfer', request.transfer]
  const plan = {
    title: t().replays.commands.plan,
    curl: curlOf(api, apiPath('/replays/plan'), { method: 'POST', body: request }),
    drivestream: ['drivestream replay plan --mode', request.mode, ...force, ...options, ...letters].join(' '),
  }
  return [plan]
}

/** The plan's id is long, so it is read from a file. */
export function startCommands(name: string, why: string, filesPerSecond: number | null): Command[] {
  const rate = filesPerSecond === null ? '' : ` --rate ${filesPerSecond}`
  return [
    {
      title: t().replays.commands.start,
      curl: null,
      drivestream: `drivestream replay start - --name ${quoted(name)} --why ${quoted(why)}${rate} < plan.json`,
    },
  ]
}

export function replayCommands(one: Replay, api: Api = thisApi()): Command[] {
  const words = t().replays.commands
  const path = apiPath('/replays/{replay_id}', { replay_id: one.id })
  const commands: Command[] = [{ title: words.watch, curl: curlOf(api, path), drivestream: `drivestream replay watch ${quoted(one.id)}` }]
  if (hasEnded(one)) return commands
  const body = { files_per_second: 50 }
  return [
    ...commands,
    control(one.state === 'paused' ? 'resume' : 'pause'),
    control('cancel'),
    { title: words.rate, curl: curlOf(api, path, { method: 'PATCH', body }), drivestream: `drivestream replay rate ${quoted(one.id)} 50` },
  ]

  function control(word: 'pause' | 'resume' | 'cancel'): Command {
    return {
      title: t().report.commands[word],
      curl: curlOf(api, `${path}/${word}`, { method: 'POST' }),
      drivestream: `drivestream replay ${word} ${quoted(one.id)}`,
    }
  }
}
