/** The same acts for a terminal, to copy. */
import { t } from '../text/language'
import { CopyButton } from '../ui/CopyButton'
import type { Command } from './shell'

export function Commands({ commands }: { commands: readonly Command[] }) {
  const { asCommand, asCurl } = t().common.copy
  return (
    <dl className="commands">
      {commands.map(({ title, curl, drivestream }) => (
        <div key={title}>
          <dt>{title}</dt>
          {drivestream !== null && <Line line={drivestream} label={asCommand} />}
          {curl !== null && <Line line={curl} label={asCurl} />}
        </div>
      ))}
    </dl>
  )
}

function Line({ line, label }: { line: string; label: string }) {
  return (
    <dd>
      <code>{line}</code>
      <CopyButton text={line} label={label} />
    </dd>
  )
}
