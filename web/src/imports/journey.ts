/** The words of a file's history. Pure. */
import type { Outcome, Place } from '../api/types'
import { formatCount, formatDuration } from '../text/format'
import { t } from '../text/language'
import { reasonFor } from '../text/reasons'
import { fileStateWords } from '../text/states'

export function systemName(system: string): string {
  const { drive, store } = t().report.history
  return system === 'drive' ? drive : system === 'store' ? store : system
}

export function answerWords(answer: string): string {
  return answer === 'ok' ? t().report.history.ok : reasonFor(answer).title
}

/** Below a second in milliseconds: most calls are that fast. */
export function lasted(seconds: number): string {
  return seconds < 0.9995 ? `${Math.round(seconds * 1000)} ${t().report.history.millisecond}` : formatDuration(seconds)
}

/** "Failed", "Stored when tried again". */
export function outcomeName({ state, replayId }: Pick<Outcome, 'state' | 'replayId'>, first: boolean): string {
  const { label } = fileStateWords(state)
  if (replayId !== null) return t().report.history.byReplay(label)
  return first ? label : t().report.history.onRetry(label)
}

/** Where a record lies in Kafka. */
export function placeName({ topic, partition, offset }: Place): string {
  return t().report.history.place(topic, partition, formatCount(offset))
}
