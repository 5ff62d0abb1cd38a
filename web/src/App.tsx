/** The whole page: the form, the imports, and the one that is looked at. */
import { useState } from 'react'
import { sentence } from './api/errors'
import { ConnectionBanner } from './ConnectionBanner'
import { ImportDetail } from './imports/ImportDetail'
import { ImportForm } from './imports/ImportForm'
import { ImportList } from './imports/ImportList'
import { Welcome } from './imports/Welcome'
import { selectImport, useSelectedImport } from './location'
import { useImports } from './queries'
import { Skeleton } from './ui/Skeleton'

export function App() {
  const imports = useImports()
  const named = useSelectedImport()
  // With no import in the address, the newest of the first answer is shown and stays: one that
  // somebody else starts does not pull the page from under a reader.
  const [first, setFirst] = useState<string | null>(null)
  const newest = imports.data?.items[0]?.id
  if (first === null && newest !== undefined) setFirst(newest)
  const shown = named ?? first

  return (
    <>
      <header className="masthead">
        <a className="brand" href="/">
          <img src="/favicon.svg" alt="" width="28" height="28" />
          Drivestream
        </a>
        <p>A Google Drive folder in; every picture stored, and a report that adds up.</p>
      </header>
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

function startedImport(id: string, refresh: () => void): void {
  selectImport(id)
  refresh()
}

function Nothing({ loading, error }: { loading: boolean; error: Error | null }) {
  if (error !== null) {
    return <p className="note">Nothing can be shown yet: {sentence(error)}</p>
  }
  return loading ? <Skeleton label="Loading the imports" lines={4} /> : <Welcome />
}
