/** Why a button did not work, in plain words. */
import { ApiError, isNotFound, isUnreachable, sentence } from '../api/errors'
import type { Control } from '../api/types'
import { t } from './language'

export type Act = Control | 'retry'

export function whyNot(act: Act, error: unknown): string {
  const words = t().report
  const { notDone, tooLate } = words.notDoneWords[act]
  const code = error instanceof ApiError ? (error.code ?? '') : ''
  if (isNotFound(error)) return words.gone(notDone)
  if (isUnreachable(error)) return words.perhaps
  if (code === 'import_ended') return tooLate
  const known = Object.entries(words.codes).find(([name]) => name === code)?.[1]
  return known ?? `${notDone} ${sentence(error)}`
}
