/** Finds text for people in source code: between tags, in attributes that are read out, and sentences. */
import { parseSync } from 'vite'

type Node = Readonly<Record<string, unknown>> & { readonly type: string }

const READ_OUT = new Set(['alt', 'label', 'title', 'placeholder', 'aria-label', 'aria-valuetext', 'what', 'name'])
/** Attributes with names for the browser, not for people. */
const FOR_BROWSER = new Set(['className', 'aria-describedby', 'aria-labelledby'])
/** Names that are the same in every language, and commands. */
const SAME = /^(Drivestream|SHA-256|MD5|GET( \/\w+)?|drivestream [a-z].*)$/

export function ownText(path: string, source: string): string[] {
  const { program, errors } = parseSync(path, source)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`)
  return textsIn(program as unknown as Node).map((text) => `${path}: ${text}`)
}

function textsIn(node: Node): string[] {
  const { type } = node
  if (type === 'ImportDeclaration' || isError(node) || isSelector(node)) return []
  if (type === 'JSXText') return kept(String(node['value']).trim(), /\p{L}{2}/u)
  if (type === 'JSXAttribute') return inAttribute(node)
  if (type === 'Literal' && typeof node['value'] === 'string') return kept(node['value'], /\p{L}{2,}[ ,]+\p{L}+/u)
  if (type === 'TemplateElement') return kept((node['value'] as { cooked: string }).cooked, /\p{L}{2,} \p{L}+|^ \p{L}{2,}/u)
  return children(node).flatMap(textsIn)
}

function inAttribute(node: Node): string[] {
  const name = (node['name'] as { name: string }).name
  const value = node['value'] as Node | null
  if (value === null || FOR_BROWSER.has(name)) return []
  if (READ_OUT.has(name) && value.type === 'Literal') return kept(String(value['value']), /^\p{Lu}|\p{L} \p{L}/u)
  return textsIn(value)
}

/** A developer reads it, or it says what a field of the API should have been. */
function isError({ type, callee }: Node): boolean {
  const name = (callee as { name?: string } | undefined)?.name
  return (type === 'NewExpression' && name === 'Error') || name === 'unfit'
}

function isSelector({ callee }: Node): boolean {
  const name = (callee as { property?: { name?: string } } | undefined)?.property?.name
  return name === 'matches' || name === 'closest' || name?.startsWith('querySelector') === true
}

function kept(text: string, pattern: RegExp): string[] {
  return pattern.test(text) && !SAME.test(text) ? [text] : []
}

function children(node: Node): Node[] {
  return Object.values(node)
    .flatMap((value): unknown[] => (Array.isArray(value) ? value : [value]))
    .filter((value): value is Node => typeof value === 'object' && value !== null && 'type' in value)
}
