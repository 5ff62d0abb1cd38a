/** What limits the speed of the whole system now, in one sentence of the API. */
import { call } from './http'
import { apiPath } from './path'
import { fieldsOf, text } from './values'

export async function fetchSpeedLimit(signal: AbortSignal): Promise<string> {
  return parseSpeedLimit((await call(apiPath('/system'), { signal })).json)
}

export function parseSpeedLimit(json: unknown): string {
  const field = fieldsOf<'System'>({ json, at: 'system' })
  return field('limit', (limit) => fieldsOf<'SpeedLimit'>(limit)('message', text))
}
