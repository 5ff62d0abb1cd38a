/** The words of a file's history. Pure. */
import type { Attempt, Journey, Outcome, Place } from '../api/types'
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

/** Calls in a row to one system with one answer. */
export interface Calls {
  readonly system: string
  readonly answer: string
  readonly calls: readonly Attempt[]
  /** What they took together, without the waits in between. */
  readonly seconds: number
}

export function grouped(tries: readonly Attempt[]): Calls[] {
  const groups: Calls[] = []
  for (const call of tries) {
    const last = groups.at(-1)
    if (last?.system === call.system && last.answer === call.answer) {
      groups[groups.length - 1] = { ...last, calls: [...last.calls, call], seconds: last.seconds + call.seconds }
    } else {
      groups.push({ system: call.system, answer: call.answer, calls: [call], seconds: call.seconds })
    }
  }
  return groups
}

/** A shorter time between two steps is not worth a line of its own. */
const GAP_S = 60

/** In seconds, how long nothing happened before `at`; null if that was short. */
export function gapBefore(at: Date, before: Date | null): number | null {
  const seconds = before === null ? 0 : (at.getTime() - before.getTime()) / 1_000
  return seconds >= GAP_S ? seconds : null
}

/** How much was done, and how long it took from the find to the last result. */
export function summary({ foundAt, outcomes }: Journey): string | null {
  const last = outcomes.at(-1)
  if (last === undefined) return null
  const calls = outcomes.reduce((sum, { tries }) => sum + tries.length, 0)
  const from = foundAt ?? outcomes[0]?.at ?? last.at
  return t().report.history.summary(outcomes.length, calls, lasted(Math.max(0, (last.at.getTime() - from.getTime()) / 1_000)))
}
