/** Paths of the API, checked against its document: the path, what is named in it, and its parameters. */
import type { paths } from './schema.gen'

type Operation<P extends keyof paths> = paths[P] extends { get: infer O } ? O : paths[P] extends { post: infer O } ? O : never
type Named<P extends keyof paths> = Operation<P> extends { parameters: { path: infer N } } ? N : Readonly<Record<never, never>>
type Query<P extends keyof paths> = Operation<P> extends { parameters: { query?: infer Q } } ? Q : never
type Loose<T> = { readonly [K in keyof T]: T[K] | undefined }

/** `named` replaces the names in braces. Parameters that are undefined or null are left out. */
export function apiPath<P extends keyof paths>(path: P, named?: Named<P>, query?: Loose<Query<P>>): string {
  const values = new Map(Object.entries(named ?? {}))
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values.get(name))))
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null)
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return search === '' ? filled : `${filled}?${search}`
}
