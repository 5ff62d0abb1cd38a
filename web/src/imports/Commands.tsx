/** The same acts for a terminal, to copy. */
import { currentKey } from '../api/access'
import type { Import } from '../api/types'
import { CopyButton } from '../ui/CopyButton'
import { commandsFor } from './commands'

export function Commands({ one }: { one: Import }) {
  return (
    <dl className="commands">
      {commandsFor(one, `${window.location.origin}/api`, currentKey() !== null).map(({ title, curl, drivestream }) => (
        <div key={title}>
          <dt>{title}</dt>
          {[drivestream, curl].map((line) => (
            <dd key={line}>
              <code>{line}</code>
              <CopyButton text={line} />
            </dd>
          ))}
        </div>
      ))}
    </dl>
  )
}
