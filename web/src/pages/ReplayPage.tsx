import { Link, useParams } from '@tanstack/react-router'
import { ReplayDetail } from '../replays/ReplayDetail'
import { t } from '../text/language'

export function ReplayPage() {
  const { id } = useParams({ from: '/replays/$id' })
  return (
    <>
      <p className="crumbs">
        <Link to="/replays">{t().replays.title}</Link>
      </p>
      <ReplayDetail key={id} id={id} />
    </>
  )
}
