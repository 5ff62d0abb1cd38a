/** The frame of every page: header, navigation, the state of the connection, and who has the focus. */
import { useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useLocation, useParams } from '@tanstack/react-router'
import { isUnauthorized } from '../api/errors'
import { useLive, useLiveStatus } from '../live/Live'
import { t } from '../text/language'
import { ConnectionBanner } from './ConnectionBanner'
import { KeyForm } from './KeyForm'
import { LanguageSwitch } from './LanguageSwitch'
import { useFocusOnNavigation } from './useFocusOnNavigation'
import { usePasteAnywhere } from './usePasteAnywhere'

export function Shell() {
  const inImport = useLocation({ select: ({ pathname }) => pathname.startsWith('/imports/') })
  const { id } = useParams({ strict: false })
  useLive(inImport ? (id ?? null) : null)
  useFocusOnNavigation()
  usePasteAnywhere()
  return (
    <>
      <a className="skip" href="#main">
        {t().common.skip}
      </a>
      <Header />
      <Content />
    </>
  )
}

function Header() {
  const { nav } = t().common
  return (
    <header className="masthead">
      <Link className="brand" to="/">
        <img src="/favicon.svg" alt="" width="28" height="28" />
        Drivestream
      </Link>
      <nav className="pages" aria-label={nav.label}>
        <Link to="/" activeOptions={{ exact: true, includeSearch: false }}>
          {nav.imports}
        </Link>
        <Link to="/gallery">{nav.gallery}</Link>
        <Link to="/flow">{nav.flow}</Link>
        <Link to="/replays">{nav.replays}</Link>
      </nav>
      <LanguageSwitch />
    </header>
  )
}

/** Whoever has no key sees nothing else. */
function Content() {
  const live = useLiveStatus()
  const client = useQueryClient()
  const refused = isUnauthorized(live.error) || client.getQueryCache().getAll().some(({ state }) => isUnauthorized(state.error))
  return (
    <>
      {!refused && <ConnectionBanner />}
      <main id="main" tabIndex={-1}>
        {refused ? <KeyForm /> : <Outlet />}
      </main>
    </>
  )
}
