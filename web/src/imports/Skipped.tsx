import type { Import } from '../api/types'
import { formatCount } from '../text/format'
import { t } from '../text/language'
import { reasonFor } from '../text/reasons'
import { FilesLink } from './FilesLink'
import { byCount, total } from './progress'

/** Files that were deliberately not copied. They are not part of the equation. */
export function Skipped({ one }: { one: Import }) {
  const all = total(one.skipped)
  if (all === 0) return null
  const reasons = byCount(one.skipped).map(([reason, count]) => `${reasonFor(reason).title} (${formatCount(count)})`)
  return (
    <p className="quiet skipped">
      <FilesLink state="skipped">{t().report.skipped.summary(all, formatCount(all))}</FilesLink> {reasons.join(', ')}
    </p>
  )
}
