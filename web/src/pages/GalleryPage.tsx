/** The images of one import, or of all. */
import { Link, useParams } from '@tanstack/react-router'
import { AllImages, Gallery } from '../images/Gallery'
import { Missing } from '../imports/ImportDetail'
import { useImport } from '../queries'
import { importName } from '../text/names'
import { t } from '../text/language'
import { PageTitle } from '../ui/PageTitle'
import { Skeleton } from '../ui/Skeleton'

export function GalleryPage() {
  return (
    <>
      <PageTitle>{t().gallery.all}</PageTitle>
      <AllImages />
    </>
  )
}

export function ImportGalleryPage() {
  const { id } = useParams({ from: '/imports/$id/gallery' })
  const { data, error } = useImport(id)
  if (data === undefined) return error === null ? <Skeleton label={t().report.loading} lines={5} /> : <Missing id={id} error={error} />
  return (
    <>
      <p className="crumbs">
        <Link to="/">{t().start.imports}</Link>
        <Link to="/imports/$id" params={{ id }}>
          <bdi>{importName(data)}</bdi>
        </Link>
      </p>
      <PageTitle>{t().gallery.of(importName(data))}</PageTitle>
      <Gallery one={data} />
    </>
  )
}
