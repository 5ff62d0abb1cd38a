/** Fails the build if a first visit would load more JavaScript than it may. */
import { gzipSync } from 'node:zlib'
import type { Plugin, Rolldown } from 'vite'

const MOST_BYTES = 200_000
/** What a first visit of the start page loads beside the entry, in a language other than English. */
const ALSO = /\/(StartPage\.tsx|de\/index\.ts)$/

export function firstLoad(): Plugin {
  return {
    name: 'first-load',
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk')
      const size = firstLoadSize(chunks)
      const said = `A first visit loads ${(size / 1000).toFixed(1)} kB of compressed JavaScript, of ${MOST_BYTES / 1000} kB.`
      if (size > MOST_BYTES) this.error(said)
      this.info(said)
    },
  }
}

type Chunk = Pick<Rolldown.OutputChunk, 'fileName' | 'isEntry' | 'facadeModuleId' | 'imports' | 'code'>

/** In bytes, as the web server compresses them. */
export function firstLoadSize(chunks: readonly Chunk[]): number {
  const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]))
  const loaded = new Set<string>()
  const queue = chunks.filter(({ isEntry, facadeModuleId }) => isEntry || ALSO.test(facadeModuleId ?? '')).map(({ fileName }) => fileName)
  for (const name of queue) {
    if (loaded.has(name)) continue
    loaded.add(name)
    queue.push(...(byName.get(name)?.imports ?? []))
  }
  return [...loaded].reduce((sum, name) => sum + gzipSync(byName.get(name)?.code ?? '').length, 0)
}
