import type { Import } from '../api/types'
import { counted, formatCount } from '../text/format'
import { t } from '../text/language'
import { hasEnded, isListing } from '../text/states'
import { FilesLink } from './FilesLink'
import { doneCount, partName, PARTS, percentDone, shares } from './progress'

interface Props {
  readonly one: Import
  /** Hidden from screen readers, because a text next to it says the same. */
  readonly decorative?: boolean
}

/** A bar whose parts are the terms of the equation, in the same order. */
export function ProgressBar({ one, decorative = false }: Props) {
  const widths = shares(one)
  const parts = PARTS.map((part) => (
    <span key={part} className={`part part-${part}`} style={{ width: `${widths[part]}%` }} />
  ))
  const look = isListing(one) && !hasEnded(one) ? 'bar-open' : ''
  if (decorative) {
    return (
      <span className={`bar bar-thin ${look}`} aria-hidden="true">
        {parts}
      </span>
    )
  }
  const percent = percentDone(one)
  return (
    <div className="bar-frame">
      <div
        className={`bar ${look}`}
        role="progressbar"
        aria-label={t().report.bar}
        aria-valuemin={0}
        aria-valuemax={100}
        // Without a value, screen readers call the progress indeterminate. That is true while listing.
        {...(percent === null ? {} : { 'aria-valuenow': percent })}
        aria-valuetext={valueText(one)}
      >
        {parts}
      </div>
      {/* A progress bar can contain no links. Those of the equation are for the keyboard. */}
      <div className="bar-links" aria-hidden="true">
        {PARTS.filter((part) => one[part] > 0).map((part) => (
          <FilesLink
            key={part}
            state={part}
            silent
            title={`${formatCount(one[part])} ${partName(part, one)}`}
            style={{ width: `${widths[part]}%` }}
          >
            {null}
          </FilesLink>
        ))}
      </div>
    </div>
  )
}

function valueText(one: Import): string {
  const found = isListing(one) ? t().report.foundSoFar(formatCount(one.found)) : counted(one.found, ...t().common.file)
  return t().report.done(formatCount(doneCount(one)), found)
}
