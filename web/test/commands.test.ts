import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { commandsFor, quoted } from '../src/imports/commands'
import { anImport } from './builders'

const API = 'http://127.0.0.1:3000'
const lines = (changes: Record<string, unknown>) => commandsFor(anImport(changes), API).map(({ drivestream }) => drivestream)

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
    expect(curls[0]).toBe(`curl ${API}/imports/job-1`)
    expect(curls[2]).toBe(`curl -H 'Content-Type: application/json' -d '{"reason":"gone"}' ${API}/imports/job-1/retry`)
  })

  it.each(['job-1', "it's", '-n', '$(id) `id` "x" \\', '', 'a b\nc'])('are one word for a shell: %j', (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf '%s' ${quoted(text)}`], { encoding: 'utf8' })).toBe(text)
  })
})
