import { sentence } from '../api/errors'
import { t } from '../text/language'
import { PageTitle } from '../ui/PageTitle'

/** In place of a page that raised while it was rendered, or whose code could not be loaded. */
export function Crashed({ error }: { error: unknown }) {
  const { crashed } = t().common
  return (
    <section className="plain-page" role="alert">
      <PageTitle>{crashed.title}</PageTitle>
      <p>{crashed.text}</p>
      <p className="note note-bad">
        <code>{sentence(error)}</code>
      </p>
      <button type="button" className="primary" onClick={() => window.location.reload()}>
        {crashed.again}
      </button>
    </section>
  )
}
