import { Link, useParams } from '@tanstack/react-router'
import { MOUNT } from '../api/http'
import { apiPath } from '../api/path'
import { t } from '../text/language'
import { PageTitle } from '../ui/PageTitle'

export function ReplayPage() {
  const { id } = useParams({ from: '/replays/$id' })
  const path = apiPath('/replays/{replay_id}', { replay_id: id })
  return (
    <section className="plain-page">
      <p className="crumbs">
        <Link to="/replays">{t().replays.title}</Link>
      </p>
      <PageTitle>{t().replays.one(id)}</PageTitle>
      <p>
        {t().replays.state} <a href={MOUNT + path}>GET {path}</a>
      </p>
    </section>
  )
}
