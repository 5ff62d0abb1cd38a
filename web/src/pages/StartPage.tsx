/** Where an import begins: the field for a link, and all imports so far. */
import { useLocation, useNavigate, useSearch } from '@tanstack/react-router'
import { sentence } from '../api/errors'
import { useImports } from '../queries'
import { ImportForm } from '../start/ImportForm'
import { ImportList } from '../start/ImportList'
import { Welcome } from '../start/Welcome'
import { t } from '../text/language'
import { PageTitle } from '../ui/PageTitle'
import { Retry } from '../ui/Retry'
import { Skeleton } from '../ui/Skeleton'

export function StartPage() {
  const { link } = useSearch({ from: '/' })
  const pastedAt = useLocation({ select: ({ state }) => state.pastedAt })
  const navigate = useNavigate()
  return (
    <>
      <PageTitle>{t().start.title}</PageTitle>
      <p className="lead">{t().common.tagline}</p>
      <ImportForm pasted={link} pastedAt={pastedAt} onStarted={(id) => void navigate({ to: '/imports/$id', params: { id } })} />
      <Imports />
    </>
  )
}

function Imports() {
  const { data, error, isPending, refetch } = useImports()
  const { start } = t()
  if (data === undefined) {
    if (isPending) return <Skeleton label={start.loading} lines={4} />
    return <p className="note">{start.nothingYet(sentence(error))}</p>
  }
  return (
    <>
      <Retry what={start.imports} error={error} hasOlder onRetry={() => void refetch()} />
      {data.items.length === 0 ? <Welcome /> : <ImportList newest={data} />}
    </>
  )
}
