/** Asks for an API key, once a session. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { signIn } from './api/client'
import { isUnauthorized, sentence } from './api/errors'

export function KeyForm() {
  const [key, setKey] = useState('')
  const client = useQueryClient()
  const signing = useMutation({ mutationFn: signIn, onSuccess: () => client.resetQueries() })

  function submit(event: FormEvent) {
    event.preventDefault()
    if (key.trim() !== '' && !signing.isPending) signing.mutate(key.trim())
  }

  return (
    <form className="card import-form" onSubmit={submit} noValidate>
      <label htmlFor="api-key">API key</label>
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
          {signing.isPending ? 'Checking…' : 'Continue'}
        </button>
      </div>
      <div id="api-key-said" aria-live="polite">
        {signing.error !== null && <p className="field-problem">{problemOf(signing.error)}</p>}
      </div>
      <p id="api-key-help" className="field-help">
        This API asks for a key. An operator makes one with <code>drivestream key NAME SCOPE</code>. It is kept until this
        tab is closed.
      </p>
    </form>
  )
}

function problemOf(error: Error): string {
  return isUnauthorized(error) ? 'The API does not know this key.' : sentence(error)
}
