/** Where a folder's link is pasted. Whatever goes wrong, the text stays. */
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { startImport } from '../api/client'
import { ApiError, sentence } from '../api/errors'
import { folderHint, isDriveLink } from './folderHint'
import { newKey } from './idempotencyKey'

export function ImportForm({ onStarted }: { onStarted: (importId: string) => void }) {
  const [link, setLink] = useState('')
  const [missing, setMissing] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  // One key per link that is meant to be imported: sending it again, after a second click or an
  // answer that was lost, starts nothing twice. A new text, or a success, takes a new key.
  const key = useRef<string | null>(null)
  const start = useMutation({
    mutationFn: (folderUrl: string) => startImport(folderUrl, (key.current ??= newKey())),
    onSuccess: ({ jobId }) => {
      change('')
      onStarted(jobId)
    },
    onError: () => field.current?.focus(),
  })

  function change(text: string) {
    setLink(text)
    setMissing(false)
    key.current = null
    if (start.isError) start.reset()
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    if (start.isPending) return
    setMissing(link.trim() === '')
    if (link.trim() === '') field.current?.focus()
    else start.mutate(link.trim())
  }

  usePasteAnywhere((text) => {
    change(text)
    field.current?.focus()
  })

  const problem = missing ? 'Paste the link of a Drive folder first.' : problemOf(start.error)
  const hint = problem === null ? folderHint(link) : null
  return (
    <form className="card import-form" onSubmit={submit} noValidate>
      <label htmlFor="folder-link">Link of a Google Drive folder</label>
      <div className="import-form-row">
        <input
          ref={field}
          id="folder-link"
          name="folderUrl"
          type="text"
          inputMode="url"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder="https://drive.google.com/drive/folders/…"
          value={link}
          aria-invalid={problem !== null}
          aria-describedby="folder-link-help folder-link-said"
          onChange={(event) => change(event.target.value)}
        />
        <button
          type="submit"
          className="primary"
          aria-disabled={start.isPending}
          // The second click of a double click would find the emptied field, and complain.
          onClick={(event) => event.detail > 1 && event.preventDefault()}
        >
          {start.isPending ? 'Starting…' : 'Import'}
        </button>
      </div>
      <div id="folder-link-said" aria-live="polite">
        {problem !== null && <p className="field-problem">{problem}</p>}
        {hint !== null && <p className="field-hint">{hint}</p>}
      </div>
      <p id="folder-link-help" className="field-help">
        The folder must be shared with <b>anyone with the link</b>: in Drive, <i>Share → Copy link</i>, and paste it here.
      </p>
    </form>
  )
}

function problemOf(error: Error | null): string | null {
  if (error === null) return null
  if (error instanceof ApiError && error.kind === 'refused') return sentence(error)
  return `The import was not started. ${sentence(error)} Your link is kept; sending it again starts one import, not two.`
}

/** A Drive link that is pasted outside any field goes into the form. */
function usePasteAnywhere(onLink: (text: string) => void): void {
  const latest = useRef(onLink)
  useEffect(() => {
    latest.current = onLink
  })
  useEffect(() => {
    function pasted(event: ClipboardEvent) {
      const inField = event.target instanceof HTMLElement && event.target.matches('input, textarea')
      const text = event.clipboardData?.getData('text') ?? ''
      if (inField || !isDriveLink(text)) return
      event.preventDefault()
      latest.current(text.trim())
    }
    document.addEventListener('paste', pasted)
    return () => document.removeEventListener('paste', pasted)
  }, [])
}
