import { Fragment } from 'react'
import type { Import } from '../api/types'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { FilesLink } from './FilesLink'
import { addsUp, PARTS, partName, sumOfParts } from './progress'

/** The equation that must always hold, in the colours of the bar. Its text equals `equation()`. Each part lists its files. */
export function Equation({ one }: { one: Import }) {
  return (
    <>
      <p className="equation" data-testid="equation">
        <b>{formatCount(one.found)}</b> {t().report.parts.found} ={' '}
        {PARTS.map((part, index) => (
          <Fragment key={part}>
            {index > 0 && ' + '}
            <FilesLink state={part} className="term" empty={one[part] === 0}>
              <span className={`dot part-${part}`} aria-hidden="true" />
              <b>{formatCount(one[part])}</b> {partName(part, one)}
            </FilesLink>
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
