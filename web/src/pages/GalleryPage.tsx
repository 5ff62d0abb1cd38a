/** The images of one import, or of all. */
import { Link, useParams } from '@tanstack/react-router'
import { Gallery } from '../images/Gallery'
import { Missing } from '../imports/ImportDetail'
import { useImport, useImports } from '../queries'
import { importName } from '../text/names'
import { t } from '../text/language'
import { PageTitle } from '../ui/PageTitle'
import { Skeleton } from '../ui/Skeleton'

export function GalleryPage() {
  const { data } = useImports()
  const stored = data?.items.reduce((sum, one) => sum + one.stored, 0) ?? null
  return (
    <div className="gallery-page">
      <PageTitle>{t().gallery.all}</PageTitle>
      <Gallery one={null} stored={stored} />
    </div>
  )
}

export function ImportGalleryPage() {
  const { id } = useParams({ from: '/imports/$id/gallery' })
  const { data, error } = useImport(id)
  if (data === undefined) return error === null ? <Skeleton label={t().report.loading} lines={5} /> : <Missing id={id} error={error} />
  return (
    <div className="gallery-page">
      <p className="crumbs">
        <Link to="/">{t().start.imports}</Link>
        <Link to="/imports/$id" params={{ id }}>
          <bdi>{importName(data)}</bdi>
        </Link>
      </p>
      <PageTitle>{t().gallery.of(importName(data))}</PageTitle>
      <Gallery key={id} one={data} stored={data.stored + data.unchanged} />
    </div>
  )
}
