/** The words of a file's history. Pure. */
import type { Outcome, Place } from '../api/types'
import { formatCount, formatDuration } from '../text/format'
import { reasonFor } from '../text/reasons'
import { fileStateWords } from '../text/states'

const SYSTEMS = new Map([
  ['drive', 'Google Drive'],
  ['store', 'Storage'],
])

export function systemName(system: string): string {
  return SYSTEMS.get(system) ?? system
}

export function answerWords(answer: string): string {
  return answer === 'ok' ? 'done' : reasonFor(answer).title
}

/** Below a second in milliseconds: most calls are that fast. */
export function lasted(seconds: number): string {
  return seconds < 0.9995 ? `${Math.round(seconds * 1000)} ms` : formatDuration(seconds)
}

/** "Failed", "Stored when tried again". */
export function outcomeName({ state, replayId }: Pick<Outcome, 'state' | 'replayId'>, first: boolean): string {
  const { label } = fileStateWords(state)
  if (replayId !== null) return `${label} by a replay`
  return first ? label : `${label} on retry`
}

/** Where a record lies in Kafka. */
export function placeName({ topic, partition, offset }: Place): string {
  return `${topic}, partition ${partition}, offset ${formatCount(offset)}`
}
