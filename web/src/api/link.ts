/**
 * The `Link` header (RFC 8288), of which only the target of rel="next" is needed.
 * Commas and semicolons can occur inside <…> and inside quotes, so splitting at them would be wrong.
 */
const LINK = /<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)/g
const PARAMETER = /;\s*([^\s=;,]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/g

/**
 * The API's path and query for the next page of results, or null.
 *
 * The target's host is dropped, and its path must equal the path that was requested. So every
 * request goes through our own proxy, and no response can redirect us elsewhere.
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
