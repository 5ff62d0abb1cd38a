import { Fragment } from 'react'
import type { ImportCounts } from '../api/types'
import { formatCount } from '../text/format'
import { addsUp, PARTS, sumOfParts } from './progress'

/** The sentence that must always hold, with the colours of the bar; its text is `equation()`'s. */
export function Equation({ counts }: { counts: ImportCounts }) {
  return (
    <>
      <p className="equation" data-testid="equation">
        <b>{formatCount(counts.found)}</b> found ={' '}
        {PARTS.map((part, index) => (
          <Fragment key={part}>
            {index > 0 && ' + '}
            <span className="term">
              <span className={`dot part-${part}`} aria-hidden="true" />
              <b>{formatCount(counts[part])}</b> {part}
            </span>
          </Fragment>
        ))}
      </p>
      {!addsUp(counts) && (
        <p className="note note-bad" role="alert">
          These counts do not add up: the parts are {formatCount(sumOfParts(counts))}. Do not rely on this report; please
          tell whoever runs this server.
        </p>
      )}
    </>
  )
}
