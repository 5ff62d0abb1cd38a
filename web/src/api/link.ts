/**
 * The `Link` header (RFC 8288), as far as a reader of pages needs it: the target of rel="next".
 * Commas and semicolons may stand inside <…> and inside quotes, so splitting is not enough.
 */
const LINK = /<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)/g
const PARAMETER = /;\s*([^\s=;,]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/g

/**
 * The API's path and query of the page that follows, or null.
 *
 * Whatever host the target names is dropped and its path must be the one that was asked for: the
 * page goes on through its own proxy, and an answer cannot send it anywhere else.
 */
export function nextPath(header: string | null, asked: string): string | null {
  const target = header === null ? null : targetOf(header, 'next')
  if (target === null) return null
  const base = new URL(asked, 'http://api.invalid')
  if (!URL.canParse(target, base)) return null
  const next = new URL(target, base)
  return next.pathname === base.pathname ? next.pathname + next.search : null
}

function targetOf(header: string, relation: string): string | null {
  for (const [, target, parameters] of header.matchAll(LINK)) {
    const relations = relationsOf(parameters ?? '')
    if (target !== undefined && relations.includes(relation)) return target
  }
  return null
}

function relationsOf(parameters: string): string[] {
  for (const [, name, quoted, bare] of parameters.matchAll(PARAMETER)) {
    // Only the first rel counts (RFC 8288, 3.3).
    if (name?.toLowerCase() === 'rel') return (quoted ?? bare ?? '').toLowerCase().split(/\s+/)
  }
  return []
}
