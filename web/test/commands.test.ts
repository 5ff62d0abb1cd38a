import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { parseReplay } from '../src/api/replays'
import { FILE_STATES } from '../src/api/types'
import { quoted, type Command } from '../src/commands/shell'
import { eventsCommand, letterCommands, systemCommand } from '../src/flow/commands'
import { imageCommands, listCommands } from '../src/images/commands'
import { queryOf } from '../src/images/listing'
import { commandsFor, downloads, fileCommands, listCommand, retryCommand } from '../src/imports/commands'
import { planRequest, WHATS } from '../src/replays/choice'
import { planCommand, rateCommand, replayCommands, startReplayCommand } from '../src/replays/commands'
import { IMAGE_ORDERS } from '../src/search'
import { startCommands } from '../src/start/commands'
import { anImport, replayJson } from './builders'

const LINK = 'https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOpQrStUv?usp=sharing'
const API = { url: 'http://127.0.0.1:3000/api', withKey: false }
const lines = (changes: Record<string, unknown>) => commandsFor(anImport(changes), API).flatMap(({ drivestream }) => drivestream ?? [])
const curls = (commands: readonly Command[]) => commands.map(({ curl }) => curl?.replaceAll(API.url, 'API'))

describe('commands', () => {
  it.each([
    [{ state: 'transferring', failed: 0 }, ['watch job-1', 'pause job-1', 'cancel job-1']],
    [{ state: 'paused', failed: 0 }, ['watch job-1', 'resume job-1', 'cancel job-1']],
    [{ state: 'cancelled' }, ['watch job-1', 'import https://drive.google.com/drive/folders/folder-1 --watch']],
    [{ state: 'completed', failed: 0 }, ['watch job-1']],
    [{ failures: { not_found: 12 } }, ['watch job-1', 'retry job-1']],
    [
      { failures: { not_found: 2, gone: 10 } },
      ['watch job-1', 'retry job-1', 'retry job-1 --reason=gone', 'retry job-1 --reason=not_found'],
    ],
  ])('are those that the state allows (%#)', (changes, expected) => {
    expect(lines(changes)).toEqual(expected.map((line) => `drivestream ${line} --api ${API.url}`))
  })

  it('send the same to the API', () => {
    expect(curls(commandsFor(anImport({ failures: { not_found: 2, gone: 10 } }), API))).toEqual([
      'curl API/imports/job-1',
      'curl -fOJ API/imports/job-1/manifest.csv',
      'curl -fOJ API/imports/job-1/SHA256SUMS',
      `curl -H 'Content-Type: application/json' -d '{}' API/imports/job-1/retry`,
      `curl -H 'Content-Type: application/json' -d '{"reason":"gone"}' API/imports/job-1/retry`,
      `curl -H 'Content-Type: application/json' -d '{"reason":"not_found"}' API/imports/job-1/retry`,
    ])
  })

  it('exist for one file, whatever its id is', () => {
    const [history, again] = fileCommands('job-1', '-a/$(x)', true, { ...API, withKey: true })
    expect(history?.curl).toBe(
      `curl -H "Authorization: Bearer $DRIVESTREAM_API_KEY" '${API.url}/imports/job-1/files/-a%2F%24(x)'`,
    )
    expect(again?.drivestream).toBe(`drivestream retry job-1 --files='-a/$(x)' --api ${API.url}`)
    expect(fileCommands('job-1', 'x', false, API)).toHaveLength(1)
  })

  it.each([
    ['one.jpg', './one.jpg'],
    ['../../.bashrc', './.._.._.bashrc'],
    ['-o\n$(id) 図.png', `'./-o__(id) 図.png'`],
    ['x'.repeat(5_000), `./${'x'.repeat(100)}`],
  ])('download an image here, whatever its name is: %j', (name, file) => {
    expect(curls(imageCommands({ driveId: 'a', name }, API))[0]).toBe(`curl -fL -o ${file} API/images/a/content`)
  })

  it('start a plan from a file if its id is long', () => {
    const start = { planId: 'x'.repeat(3_000), name: '', why: "it's", filesPerSecond: 5 }
    expect(startReplayCommand(start, API)).toMatchObject({
      curl: null,
      drivestream: `drivestream replay start - --name=NAME --why='it'\\''s' --rate=5 --api ${API.url} < plan.json`,
    })
    expect(planCommand({ mode: 'all', select: {} }, API, start.planId).drivestream).toMatch(/ --json > plan\.json$/)
  })

  it.each(['job-1', "it's", '-n', '$(id) `id` "x" \\', '', 'a b\nc'])('are one word for a shell: %j', (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf '%s' ${quoted(text)}`], { encoding: 'utf8' })).toBe(text)
  })

  // `tests/integration/local/test_page_commands.py` runs them against the command line and the API.
  it('are all in a file that the command line and the API are tested with (`npx vitest -u` writes it)', async () => {
    const written = every().map(({ drivestream, curl }) => ({ drivestream, curl }))
    await expect(`${JSON.stringify(written, null, 1)}\n`).toMatchFileSnapshot('commands.json')
  })
})

/** Of every act on every page, with values of every kind. */
function every(): Command[] {
  const api = { ...API, withKey: true }
  const id = `-it's_$(id)`
  const imports = [
    { state: 'transferring', failed: 0 },
    { state: 'paused', failed: 0 },
    { state: 'cancelled', folder_url: LINK },
    { failures: { not_found: 2, gone: 10 } },
  ].map((changes) => anImport(changes))
  const filters = { name: `-"x" 'y' & z`, type: 'image/svg+xml', folder: id, min: 0, max: 999_999, since: '2026-11-25', until: '2026-11-25' }
  const replays = [{}, { state: 'paused', files_per_second: 5 }, { state: 'completed' }].map((changes) => parseReplay(replayJson(changes)))
  const choice = { imports: [], reasons: [], hours: 0, force: false } as const
  const narrow = { ...choice, imports: ['job-1', id], reasons: ['gone', 'not_found'], hours: 24, force: true }
  const plans = WHATS.flatMap((what) => [choice, narrow].map((one) => planRequest({ ...one, what }, Date.UTC(2026, 10, 25))))
  const start = { planId: 'AQ2S7YwbG7zC', name: `-"a" 'b'`, why: 'one\ntwo', filesPerSecond: 5 }
  const all = [
    ...startCommands(LINK, false, api),
    ...startCommands(LINK, true, api),
    ...imports.flatMap((one) => [...commandsFor(one, api), ...downloads(one, api)]),
    retryCommand('job-1', '', { files: ['a', id] }, api),
    retryCommand('job-1', '', { folders: ['a', id] }, api),
    ...FILE_STATES.map((state) => listCommand('job-1', state, state === 'failed' ? 'gone' : undefined, api)),
    ...fileCommands('job-1', id, true, api),
    ...[null, 'job-1'].flatMap((one) => IMAGE_ORDERS.flatMap((sort) => listCommands(queryOf(one, { sort }), api))),
    ...listCommands(queryOf('job-1', filters), api),
    ...listCommands(queryOf('job-1', { folder: 'a', below: true }), api),
    ...imageCommands({ driveId: id, name: '<b>.jpg' }, api),
    systemCommand(api),
    eventsCommand('files.found', api),
    ...letterCommands(api),
    ...plans.map((request) => planCommand(request, api)),
    startReplayCommand(start, api),
    startReplayCommand({ ...start, filesPerSecond: null }, api),
    ...replays.flatMap((one) => replayCommands(one, api)),
    rateCommand({ id: 'replay-1' }, null, api),
  ]
  return [...new Map(all.map((one) => [`${one.drivestream} ${one.curl}`, one])).values()]
}
