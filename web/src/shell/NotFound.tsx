import { Link } from '@tanstack/react-router'
import { t } from '../text/language'
import { PageTitle } from '../ui/PageTitle'

export function NotFound() {
  const { notFound } = t().common
  return (
    <section className="plain-page">
      <PageTitle>{notFound.title}</PageTitle>
      <p>{notFound.text}</p>
      <p>
        <Link to="/">{notFound.home}</Link>
      </p>
    </section>
  )
}
