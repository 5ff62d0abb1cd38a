import { useAuthorized } from '../api/access'
import { MOUNT } from '../api/http'
import { apiPath } from '../api/path'
import type { Import } from '../api/types'
import { CommandsButton } from '../commands/CommandsButton'
import { t } from '../text/language'
import { downloads } from './commands'

/** Proofs for other tools: every file with its outcome, and the checksum of every object. */
export function Downloads({ one }: { one: Import }) {
  const named = { import_id: one.id }
  const manifest = useAuthorized(MOUNT + apiPath('/imports/{import_id}/manifest.csv', named))
  const checksums = useAuthorized(MOUNT + apiPath('/imports/{import_id}/SHA256SUMS', named))
  const words = t().report.downloads
  if (one.found === 0) return null
  return (
    <p className="downloads">
      <a href={manifest} download>
        {words.manifest}
      </a>
      {one.stored + one.unchanged > 0 && (
        <a href={checksums} download>
          {words.checksums}
        </a>
      )}
      <CommandsButton what={words.what} commands={() => downloads(one)} />
    </p>
  )
}
