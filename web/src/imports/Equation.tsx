import { Fragment } from 'react'
import type { ImportCounts } from '../api/types'
import { formatCount } from '../text/format'
import { addsUp, PARTS, sumOfParts } from './progress'

/** The equation that must always hold, in the colours of the bar. Its text equals `equation()`. */
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
          These numbers do not add up: the parts make {formatCount(sumOfParts(counts))}. Do not rely on this report, and
          please tell the person who runs this server.
        </p>
      )}
    </>
  )
}
