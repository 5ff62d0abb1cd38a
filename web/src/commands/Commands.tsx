/** The same acts for a terminal, to copy. */
import { CopyButton } from '../ui/CopyButton'
import type { Command } from './shell'

export function Commands({ commands }: { commands: readonly Command[] }) {
  return (
    <dl className="commands">
      {commands.map(({ title, curl, drivestream }) => (
        <div key={title}>
          <dt>{title}</dt>
          {[drivestream, curl].map(
            (line) =>
              line !== null && (
                <dd key={line}>
                  <code>{line}</code>
                  <CopyButton text={line} />
                </dd>
              ),
          )}
        </div>
      ))}
    </dl>
  )
}
