/** What limits the speed of the whole system now. */
import { call } from './http'
import { apiPath } from './path'
import { fieldsOf, text } from './values'

export interface SpeedLimit {
  readonly reason: string
  /** One sentence of the API, in English. */
  readonly message: string
}

export async function fetchSpeedLimit(signal: AbortSignal): Promise<SpeedLimit> {
  return parseSpeedLimit((await call(apiPath('/system'), { signal })).json)
}

export function parseSpeedLimit(json: unknown): SpeedLimit {
  const field = fieldsOf<'System'>({ json, at: 'system' })
  return field('limit', (limit) => {
    const of = fieldsOf<'SpeedLimit'>(limit)
    return { reason: of('reason', text), message: of('message', text) }
  })
}
