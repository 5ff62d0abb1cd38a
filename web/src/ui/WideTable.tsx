import type { ReactNode } from 'react'

interface Props {
  /** What it is a table of. */
  readonly label: string
  readonly head: readonly string[]
  readonly children: ReactNode
}

/** A table that scrolls sideways where it does not fit, also by keyboard. */
export function WideTable({ label, head, children }: Props) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- else the keyboard could not scroll it
    <div className="table-frame" role="group" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}
