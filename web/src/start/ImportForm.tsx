/** The form for a folder's link. The text stays in the field whatever goes wrong. */
import { useMutation } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useEffect, useRef, useState, type ClipboardEvent as FieldPaste, type FormEvent } from 'react'
import { startImport } from '../api/client'
import { ApiError, isUnreachable, sentence } from '../api/errors'
import { CommandsButton } from '../commands/CommandsButton'
import { t } from '../text/language'
import { PreviewCard } from './PreviewCard'
import { PreviewLoading } from './PreviewImages'
import { startCommands } from './commands'
import { useDraft } from './draft'
import { folderHint, oneLine } from './folderHint'
import { newKey } from './idempotencyKey'
import { linkProblem } from './linkProblems'
import { usePreview } from './usePreview'

interface Props {
  /** A link that was pasted outside the field. */
  readonly pasted: string | undefined
  /** When it was: the same link may be pasted again. */
  readonly pastedAt: number | undefined
  readonly onStarted: (importId: string) => void
}

export function ImportForm({ pasted, pastedAt, onStarted }: Props) {
  const words = t().start.form
  const router = useRouter()
  const [draft, setDraft] = useDraft()
  const { link, bulk } = draft
  const [missing, setMissing] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const start = useMutation({
    mutationFn: (folderUrl: string) => startImport(folderUrl, draft.key, bulk),
    onSuccess: ({ jobId }) => {
      setDraft({ link: '', bulk: false, key: newKey(), taken: draft.taken })
      onStarted(jobId)
    },
    onError: () => field.current?.focus(),
  })

  function change(text: string, taken = draft.taken) {
    setDraft({ link: text, bulk, key: newKey(), taken })
    setMissing(false)
    if (start.isError) start.reset()
  }

  const takeLink = useRef(change)
  useEffect(() => {
    takeLink.current = change
  })

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

  useEffect(() => {
    const here = `${pastedAt} ${pasted}`
    if (pasted === undefined || here === draft.taken) return
    takeLink.current(pasted, here)
    field.current?.focus()
    // The same link may be pasted again.
  }, [pasted, pastedAt, draft.taken])

  const preview = usePreview(start.isPending ? '' : link)
  const hasPreview = preview?.data !== undefined
  useEffect(() => {
    // The code of the page that comes next. Whoever starts the import waits for nothing but its first image.
    if (hasPreview) void router.preloadRoute({ to: '/imports/$id', params: { id: 'next' } })
  }, [hasPreview, router])
  const failed = preview?.error ?? null
  const problem = missing ? words.missing : (problemOf(start.error) ?? refusalOf(failed))
  const hint = problem === null ? folderHint(link) : null
  return (
    <form className="card import-form" onSubmit={submit} noValidate>
      <label htmlFor="folder-link">{words.label}</label>
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
          {start.isPending ? words.going : words.go}
        </button>
      </div>
      <div id="folder-link-said" aria-live="polite">
        {problem !== null && <p className="field-problem">{problem}</p>}
        {hint !== null && <p className="field-hint">{hint}</p>}
        {preview?.isFetching === true && preview.data === undefined && <PreviewLoading />}
        {failed !== null && refusalOf(failed) === null && !isUnreachable(failed) && (
          <p className="field-hint">
            {t().start.preview.notNow(sentence(failed))}
            <CommandsButton what={words.go} commands={() => startCommands(link.trim(), bulk)} />
          </p>
        )}
        {preview?.data !== undefined && <PreviewCard preview={preview.data} link={link.trim()} bulk={bulk} />}
      </div>
      <p id="folder-link-help" className="field-help">
        {words.help}
      </p>
      <label className="import-form-bulk">
        <input type="checkbox" checked={bulk} onChange={({ target }) => setDraft({ ...draft, bulk: target.checked })} />
        {words.bulk}
      </label>
    </form>
  )
}

/** What is wrong with the link itself. */
function refusalOf(error: Error | null): string | null {
  return error instanceof ApiError && error.kind === 'refused' ? linkProblem(error) : null
}

function problemOf(error: Error | null): string | null {
  if (error === null) return null
  const refusal = refusalOf(error)
  if (refusal !== null) return refusal
  return t().start.form.notStarted(sentence(error))
}
