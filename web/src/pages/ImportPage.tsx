/** One import: how far it is, what failed and why, and its images. */
import { Link, useParams } from '@tanstack/react-router'
import { ImportDetail } from '../imports/ImportDetail'
import { t } from '../text/language'

export function ImportPage() {
  const { id } = useParams({ from: '/imports/$id' })
  return (
    <>
      <p className="crumbs">
        <Link to="/">{t().start.imports}</Link>
      </p>
      <ImportDetail key={id} id={id} />
    </>
  )
}
