import { useKept } from '../ui/useKept'
import { newKey } from './idempotencyKey'

/** What has been typed into the form for a folder's link. */
export interface Draft {
  readonly link: string
  /** Whether all other imports go first. */
  readonly bulk: boolean
  /**
   * One for each link that is typed. Sending it again after a double click or a lost response does not start a second
   * import.
   */
  readonly key: string
  /** Which link that was pasted outside the field is in it already. */
  readonly taken: string | null
}

export function useDraft() {
  return useKept<Draft>('import-form', () => ({ link: '', bulk: false, key: newKey(), taken: null }))
}
