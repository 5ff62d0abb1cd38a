/** Replays cannot be made here yet, so it says where they can. */
import { t } from '../text/language'
import { PageTitle } from '../ui/PageTitle'

export function ReplaysPage() {
  const { replays } = t()
  return (
    <section className="plain-page">
      <PageTitle>{replays.title}</PageTitle>
      <p>{replays.what}</p>
      <p>
        {replays.byCommand} <code>drivestream replay --help</code>
      </p>
      <p>
        {replays.all} <a href="/api/replays">GET /replays</a>
      </p>
    </section>
  )
}
