/** Which page is at which URL. Each page is a file of its own, which is loaded when it is opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
  type RouterHistory,
} from '@tanstack/react-router'
import { flowSearch, gallerySearch, importSearch, replaysSearch, startSearch } from './search'
import { Crashed } from './shell/Crashed'
import { NotFound } from './shell/NotFound'
import { Shell } from './shell/Shell'

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: Crashed })

const start = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: startSearch,
  // Where an import was shown before each page had a URL of its own.
  beforeLoad: ({ search }) => {
    if (search.import !== undefined) throw redirect({ to: '/imports/$id', params: { id: search.import }, replace: true })
  },
  component: lazyRouteComponent(() => import('./pages/StartPage'), 'StartPage'),
})

const oneImport = createRoute({
  getParentRoute: () => root,
  path: '/imports/$id',
  validateSearch: importSearch,
  // Where an image was shown before the gallery had a page of its own.
  beforeLoad: ({ params, search }) => {
    if (search.image !== undefined) throw redirect({ to: '/imports/$id/gallery', params, search, replace: true })
  },
  component: lazyRouteComponent(() => import('./pages/ImportPage'), 'ImportPage'),
})

const importGallery = createRoute({
  getParentRoute: () => root,
  path: '/imports/$id/gallery',
  validateSearch: gallerySearch,
  component: lazyRouteComponent(() => import('./pages/GalleryPage'), 'ImportGalleryPage'),
})

const gallery = createRoute({
  getParentRoute: () => root,
  path: '/gallery',
  validateSearch: gallerySearch,
  component: lazyRouteComponent(() => import('./pages/GalleryPage'), 'GalleryPage'),
})

const flow = createRoute({
  getParentRoute: () => root,
  path: '/flow',
  validateSearch: flowSearch,
  component: lazyRouteComponent(() => import('./pages/FlowPage'), 'FlowPage'),
})

const replays = createRoute({
  getParentRoute: () => root,
  path: '/replays',
  validateSearch: replaysSearch,
  component: lazyRouteComponent(() => import('./pages/ReplaysPage'), 'ReplaysPage'),
})

const replay = createRoute({
  getParentRoute: () => root,
  path: '/replays/$id',
  component: lazyRouteComponent(() => import('./pages/ReplayPage'), 'ReplayPage'),
})

const routeTree = root.addChildren([start, oneImport, importGallery, gallery, flow, replays, replay])

export function makeRouter(history?: RouterHistory) {
  return createRouter({
    routeTree,
    ...(history === undefined ? {} : { history }),
    scrollRestoration: true,
    // What a page does not know or cannot mean never reaches it, and leaves its URL.
    search: { strict: true },
    // A page's code is small. Fetching it as soon as a link has the focus makes the click instant.
    defaultPreload: 'intent',
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
