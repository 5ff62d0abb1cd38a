/** The form for a folder's link. The text stays in the field whatever goes wrong. */
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState, type ClipboardEvent as FieldPaste, type FormEvent } from 'react'
import { startImport } from '../api/client'
import { ApiError, sentence } from '../api/errors'
import { folderHint, isDriveLink, oneLine } from './folderHint'
import { newKey } from './idempotencyKey'

export function ImportForm({ onStarted }: { onStarted: (importId: string) => void }) {
  const [link, setLink] = useState('')
  const [missing, setMissing] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  // One key per submission. Sending it again after a double click or a lost response does not start
  // a second import. Editing the text or a success makes a new key.
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

  function paste(event: FieldPaste<HTMLInputElement>) {
    const text = event.clipboardData.getData('text')
    if (oneLine(text) === text) return
    event.preventDefault()
    const { value, selectionStart, selectionEnd } = event.currentTarget
    const before = value.slice(0, selectionStart ?? value.length)
    change(before + oneLine(text).trim() + value.slice(selectionEnd ?? value.length))
  }

  usePasteAnywhere((text) => {
    change(text)
    field.current?.focus()
  })

  const problem = missing ? 'Paste a Google Drive folder link first.' : problemOf(start.error)
  const hint = problem === null ? folderHint(link) : null
  return (
    <form className="card import-form" onSubmit={submit} noValidate>
      <label htmlFor="folder-link">Google Drive folder link</label>
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
          onPaste={paste}
        />
        <button
          type="submit"
          className="primary"
          aria-disabled={start.isPending}
          // By the second click of a double click the field is empty, which would be reported as an error.
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
        The folder must be shared with <b>anyone with the link</b>. In Drive, choose <i>Share → Copy link</i>, then paste the
        link here.
      </p>
    </form>
  )
}

function problemOf(error: Error | null): string | null {
  if (error === null) return null
  if (error instanceof ApiError && error.kind === 'refused') return sentence(error)
  return `The import was not started. ${sentence(error)} Your link is still in the field. Submitting it again will not start a second import.`
}

/** Puts a Drive link that is pasted outside any field into the form. */
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
