/** The router, rendered anew when the language changes. */
import { RouterProvider } from '@tanstack/react-router'
import { useSyncExternalStore } from 'react'
import type { makeRouter } from './routes'
import { currentLanguage, subscribeLanguage } from './text/language'

export function App({ router }: { router: ReturnType<typeof makeRouter> }) {
  const language = useSyncExternalStore(subscribeLanguage, currentLanguage)
  return <RouterProvider key={language} router={router} />
}
