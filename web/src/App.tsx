/** The whole page: the form, the list of imports, and the selected import. */
import { useState } from 'react'
import { isUnauthorized, sentence } from './api/errors'
import { ConnectionBanner } from './ConnectionBanner'
import { ImportDetail } from './imports/ImportDetail'
import { ImportForm } from './imports/ImportForm'
import { ImportList } from './imports/ImportList'
import { Welcome } from './imports/Welcome'
import { KeyForm } from './KeyForm'
import { selectImport, useSelectedImport } from './location'
import { useImports } from './queries'
import { Skeleton } from './ui/Skeleton'

export function App() {
  const imports = useImports()
  const named = useSelectedImport()
  // If the address selects no import, the newest one of the first response is shown. It stays
  // selected when somebody else starts another import, so that the page does not change mid-read.
  const [first, setFirst] = useState<string | null>(null)
  const newest = imports.data?.items[0]?.id
  if (first === null && newest !== undefined) setFirst(newest)
  const shown = named ?? first

  if (isUnauthorized(imports.error)) {
    return (
      <>
        <Masthead />
        <main>
          <KeyForm />
        </main>
      </>
    )
  }
  return (
    <>
      <Masthead />
      <ConnectionBanner error={imports.error} seenAt={imports.dataUpdatedAt} />
      <main>
        <ImportForm onStarted={(id) => startedImport(id, () => void imports.refetch())} />
        {shown === null ? (
          <Nothing loading={imports.isPending} error={imports.data === undefined ? imports.error : null} />
        ) : (
          <div className="columns">
            {imports.data !== undefined && <ImportList newest={imports.data} selected={shown} />}
            <ImportDetail
              key={shown}
              id={shown}
              listed={imports.data?.items.find(({ id }) => id === shown)}
              listPending={imports.isPending}
            />
          </div>
        )}
      </main>
    </>
  )
}

function Masthead() {
  return (
    <header className="masthead">
      <a className="brand" href="/">
        <img src="/favicon.svg" alt="" width="28" height="28" />
        Drivestream
      </a>
      <p>Copies every image in a Google Drive folder and shows what happened to each file.</p>
    </header>
  )
}

function startedImport(id: string, refresh: () => void): void {
  selectImport(id)
  refresh()
}

function Nothing({ loading, error }: { loading: boolean; error: Error | null }) {
  if (error !== null) {
    return <p className="note">There is nothing to show yet. {sentence(error)}</p>
  }
  return loading ? <Skeleton label="Loading the imports" lines={4} /> : <Welcome />
}
