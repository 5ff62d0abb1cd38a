/** Why a link cannot be imported, and what to paste instead. */
import { ApiError, sentence } from '../api/errors'
import { t } from '../text/language'

/** The API's sentence if the page has no words for the code. */
export function linkProblem(error: Error): string {
  const { problems } = t().start
  const known = error instanceof ApiError && Object.entries(problems).find(([code]) => code === error.code)
  return known ? known[1] : sentence(error)
}
