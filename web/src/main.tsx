import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App'
import { makeQueryClient } from './queries'
import { makeRouter } from './routes'
import './styles/base.css'
import './styles/imports.css'
import './styles/preview.css'
import './styles/folders.css'
import './styles/gallery.css'
import './styles/lightbox.css'
import './styles/files.css'
import './styles/replays.css'
import './styles/report.css'
import './styles/actions.css'
import './styles/commands.css'
import './styles/shell.css'
import { loadLanguage } from './text/language'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no element with the id root')

await loadLanguage()
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={makeQueryClient()}>
      <App router={makeRouter()} />
    </QueryClientProvider>
  </StrictMode>,
)
