import type { Import } from '../api/types'
import { t } from './language'

const SHORT = 8
/** Drive takes names of any length. A longer one would push all else out of sight on a phone. */
const LONGEST = 120

/** The folder's name. While it is not known, "Folder 1AbCdEfG…" or, without an id, "Import 0a1b2c3d…". */
export function importName({ name, folderId, id }: Pick<Import, 'name' | 'folderId' | 'id'>): string {
  if (name !== null && name.trim() !== '') return name.length <= LONGEST ? name : `${name.slice(0, LONGEST)}…`
  return folderId === null ? t().report.nameless(shortened(id)) : t().report.namelessFolder(shortened(folderId))
}

/** An id that would be cut by only a few characters stays whole. */
function shortened(id: string): string {
  return id.length <= SHORT + 4 ? id : `${id.slice(0, SHORT)}…`
}
