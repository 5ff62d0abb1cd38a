import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { quoted } from '../src/commands/shell'
import { commandsFor, fileCommands } from '../src/imports/commands'
import { anImport } from './builders'

const API = { url: 'http://127.0.0.1:3000', withKey: false }
const lines = (changes: Record<string, unknown>) => commandsFor(anImport(changes), API).flatMap(({ drivestream }) => drivestream ?? [])

describe('commands', () => {
  it.each([
    [{ state: 'transferring', failed: 0 }, ['watch job-1', 'pause job-1', 'cancel job-1']],
    [{ state: 'paused', failed: 0 }, ['watch job-1', 'resume job-1', 'cancel job-1']],
    [{ state: 'cancelled' }, ['watch job-1']],
    [{ state: 'completed', failed: 0 }, ['watch job-1']],
    [{ failures: { not_found: 12 } }, ['watch job-1', 'retry job-1']],
    [
      { failures: { not_found: 2, gone: 10 } },
      ['watch job-1', 'retry job-1', 'retry job-1 --reason gone', 'retry job-1 --reason not_found'],
    ],
  ])('are those that the state allows (%#)', (changes, expected) => {
    expect(lines(changes)).toEqual(expected.map((line) => `drivestream ${line}`))
  })

  it('send the same to the API', () => {
    const curls = commandsFor(anImport({ failures: { not_found: 2, gone: 10 } }), API).map(({ curl }) => curl)
    expect(curls.map((line) => line?.replaceAll(API.url, 'API'))).toEqual([
      'curl API/imports/job-1',
      'curl API/imports/job-1/manifest.csv -OJ',
      'curl API/imports/job-1/SHA256SUMS -OJ',
      `curl -H 'Content-Type: application/json' -d '{}' API/imports/job-1/retry`,
      `curl -H 'Content-Type: application/json' -d '{"reason":"gone"}' API/imports/job-1/retry`,
      `curl -H 'Content-Type: application/json' -d '{"reason":"not_found"}' API/imports/job-1/retry`,
    ])
  })

  it('exist for one file, whatever its id is', () => {
    const [history, again] = fileCommands('job-1', 'a b/$(x)', true, { ...API, withKey: true })
    expect(history?.curl).toBe(
      `curl -H "Authorization: Bearer $DRIVESTREAM_API_KEY" '${API.url}/imports/job-1/files/a%20b%2F%24(x)'`,
    )
    expect(again?.drivestream).toBe("drivestream retry job-1 --files 'a b/$(x)'")
    expect(fileCommands('job-1', 'x', false, API)).toHaveLength(1)
  })

  it.each(['job-1', "it's", '-n', '$(id) `id` "x" \\', '', 'a b\nc'])('are one word for a shell: %j', (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf '%s' ${quoted(text)}`], { encoding: 'utf8' })).toBe(text)
  })
})
