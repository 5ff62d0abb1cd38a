/** Why a button did not work, in plain words. */
import { ApiError, isNotFound, isUnreachable, sentence } from '../api/errors'
import type { Control } from '../api/types'

export type Act = Control | 'retry'

interface Words {
  readonly notDone: string
  /** Why it is refused once the import has ended. */
  readonly tooLate: string
}

const WORDS: Record<Act, Words> = {
  pause: { notDone: 'The import was not paused.', tooLate: 'This import has ended, so there is nothing left to pause.' },
  resume: { notDone: 'The import was not resumed.', tooLate: 'This import has ended. It cannot be resumed.' },
  cancel: { notDone: 'The import was not cancelled.', tooLate: 'This import has ended, so there is nothing left to cancel.' },
  retry: {
    notDone: 'Nothing was tried again.',
    tooLate: 'This import was cancelled, so it cannot be tried again. Import the folder again instead.',
  },
}

const BY_CODE = new Map([
  ['kafka_unavailable', 'Kafka is not responding. You can safely press the button again in a few seconds.'],
  ['control_contested', 'Someone else is pausing or resuming this import at the same time. Press the button again in a second.'],
  ['retry_under_way', 'The previous retry is still being recorded. Press the button again in a few seconds.'],
])

export function whyNot(act: Act, error: unknown): string {
  const { notDone, tooLate } = WORDS[act]
  const code = error instanceof ApiError ? (error.code ?? '') : ''
  if (isNotFound(error)) return `${notDone} This import no longer exists.`
  if (isUnreachable(error)) {
    return 'The API did not respond, so this may or may not have worked. You can safely press the button again.'
  }
  if (code === 'import_ended') return tooLate
  return BY_CODE.get(code) ?? `${notDone} ${sentence(error)}`
}
