import { Fragment } from 'react'
import type { Import } from '../api/types'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { addsUp, PARTS, partName, sumOfParts } from './progress'

/** The equation that must always hold, in the colours of the bar. Its text equals `equation()`. */
export function Equation({ one }: { one: Import }) {
  return (
    <>
      <p className="equation" data-testid="equation">
        <b>{formatCount(one.found)}</b> {t().report.parts.found} ={' '}
        {PARTS.map((part, index) => (
          <Fragment key={part}>
            {index > 0 && ' + '}
            <span className="term">
              <span className={`dot part-${part}`} aria-hidden="true" />
              <b>{formatCount(one[part])}</b> {partName(part, one)}
            </span>
          </Fragment>
        ))}
      </p>
      {!addsUp(one) && (
        <p className="note note-bad" role="alert">
          {t().report.wrongSum(formatCount(sumOfParts(one)))}
        </p>
      )}
    </>
  )
}
