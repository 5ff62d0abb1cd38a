/** Replays for a terminal. Pure. */
import { apiPath } from '../api/path'
import { startBody, type PlanRequest, type Replay, type ReplayStart } from '../api/replays'
import { curlOf, drivestreamOf, option, quoted, thisApi, type Api, type Command } from '../commands/shell'
import { t } from '../text/language'
import { hasEnded } from './progress'

const OPTIONS = [
  ['imports', '--import'],
  ['outcomes', '--outcome'],
  ['reasons', '--reason'],
  ['since', '--since'],
] as const
/** The id of a plan holds the plan. One of many imports is too long for a line. */
const LONGEST_ID = 2_000
const EXAMPLE_RATE = 50

/** With the id of its plan, whose start is read from a file if the id is long. */
export function planCommand(request: PlanRequest, api: Api = thisApi(), planId = ''): Command {
  const options = OPTIONS.flatMap(([name, as]) =>
    [request.select[name] ?? []].flat().flatMap((value) => option(as, String(value))),
  )
  const letters = request.select['dead_letters'] === true ? ['--dead-letters'] : []
  const words = [...option('--mode', request.mode), ...option('--transfer', request.transfer), ...options, ...letters]
  const command = drivestreamOf(api, 'replay', 'plan', ...words)
  return {
    title: t().replays.commands.plan,
    curl: curlOf(api, apiPath('/replays/plan'), { method: 'POST', body: request }),
    drivestream: isShort(planId) ? command : `${command} --json > plan.json`,
  }
}

/** Starts exactly the plan that is shown. */
export function startReplayCommand(start: ReplayStart, api: Api = thisApi()): Command {
  const named = { ...start, name: start.name.trim() || 'NAME', why: start.why.trim() || 'WHY' }
  const short = isShort(start.planId)
  const command = drivestreamOf(
    api,
    'replay',
    'start',
    short ? quoted(start.planId) : '-',
    ...option('--name', named.name),
    ...option('--why', named.why),
    ...option('--rate', start.filesPerSecond ?? undefined),
  )
  return {
    title: t().replays.commands.start,
    curl: short ? curlOf(api, apiPath('/replays'), { method: 'POST', body: startBody(named) }) : null,
    drivestream: short ? command : `${command} < plan.json`,
  }
}

function isShort(planId: string): boolean {
  return planId.length <= LONGEST_ID
}

export function replayCommands(one: Replay, api: Api = thisApi()): Command[] {
  const path = pathOf(one)
  const watch = { title: t().replays.commands.watch, curl: curlOf(api, path), drivestream: drivestreamOf(api, 'replay', 'watch', quoted(one.id)) }
  if (hasEnded(one)) return [watch]
  return [watch, control(one.state === 'paused' ? 'resume' : 'pause'), control('cancel'), rateCommand(one, one.filesPerSecond ?? EXAMPLE_RATE, api)]

  function control(word: 'pause' | 'resume' | 'cancel'): Command {
    return {
      title: t().report.commands[word],
      curl: curlOf(api, `${path}/${word}`, { method: 'POST' }),
      drivestream: drivestreamOf(api, 'replay', word, quoted(one.id)),
    }
  }
}

/** Null is no limit. */
export function rateCommand(one: Pick<Replay, 'id'>, filesPerSecond: number | null, api: Api = thisApi()): Command {
  return {
    title: t().replays.commands.rate,
    curl: curlOf(api, pathOf(one), { method: 'PATCH', body: { files_per_second: filesPerSecond } }),
    drivestream: drivestreamOf(api, 'replay', 'rate', quoted(one.id), String(filesPerSecond ?? 'none')),
  }
}

function pathOf({ id }: Pick<Replay, 'id'>): string {
  return apiPath('/replays/{replay_id}', { replay_id: id })
}
