/** Asks for an API key, once a session. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { signIn } from '../api/http'
import { t } from '../text/language'
import { isUnauthorized, sentence } from '../api/errors'
import { PageTitle } from '../ui/PageTitle'

export function KeyForm() {
  const { title, label, checking, go, help } = t().common.key
  const [key, setKey] = useState('')
  const client = useQueryClient()
  const signing = useMutation({ mutationFn: signIn, onSuccess: () => client.resetQueries() })

  function submit(event: FormEvent) {
    event.preventDefault()
    if (key.trim() !== '' && !signing.isPending) signing.mutate(key.trim())
  }

  return (
    <form className="card import-form key-form" onSubmit={submit} noValidate>
      <PageTitle>{title}</PageTitle>
      <p className="lead">{t().common.tagline}</p>
      <label htmlFor="api-key">{label}</label>
      <div className="import-form-row">
        <input
          id="api-key"
          type="password"
          autoComplete="off"
          spellCheck={false}
          placeholder="drivestream_…"
          value={key}
          aria-invalid={signing.isError}
          aria-describedby="api-key-help api-key-said"
          onChange={(event) => setKey(event.target.value)}
        />
        <button type="submit" className="primary" aria-disabled={signing.isPending}>
          {signing.isPending ? checking : go}
        </button>
      </div>
      <div id="api-key-said" aria-live="polite">
        {signing.error !== null && <p className="field-problem">{problemOf(signing.error)}</p>}
      </div>
      <p id="api-key-help" className="field-help">
        {help} <code>drivestream key NAME SCOPE</code>.
      </p>
    </form>
  )
}

function problemOf(error: Error): string {
  return isUnauthorized(error) ? t().common.key.unknown : sentence(error)
}
