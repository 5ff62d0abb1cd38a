/** Server-sent events out of a stream's text. Pure. */
import { ApiError } from '../api/errors'
import { t } from '../text/language'

export interface Frame {
  readonly event: string
  readonly data: string
}

/** A snapshot of all imports is a few hundred kilobytes at most. */
const LONGEST = 8_000_000

export class FrameReader {
  #rest = ''

  /** The events that this piece of text completes. Comments and unknown fields are left out. */
  push(text: string): Frame[] {
    const blocks = (this.#rest + text).replaceAll('\r\n', '\n').split('\n\n')
    this.#rest = blocks.pop() ?? ''
    if (this.#rest.length > LONGEST) throw new ApiError('malformed', t().common.api.endless)
    return blocks.map(frameOf).filter((frame) => frame.data !== '')
  }
}

function frameOf(block: string): Frame {
  const fields = block.split('\n').map(fieldOf)
  return {
    event: fields.findLast(([name]) => name === 'event')?.[1] ?? 'message',
    data: fields.flatMap(([name, value]) => (name === 'data' ? [value] : [])).join('\n'),
  }
}

function fieldOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  if (colon === -1) return [line, '']
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')]
}
