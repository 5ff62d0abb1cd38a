/** The folders of an import as a tree. */
import type { ImageFolder } from '../api/types'

export interface FolderNode {
  readonly id: string
  readonly name: string
  readonly path: readonly string[]
  /** Directly in it. */
  readonly images: number
  readonly children: readonly FolderNode[]
}

interface Growing extends FolderNode {
  readonly children: Growing[]
}

/** A folder whose parent is not listed is below the nearest one that is. Of twins, the first has the children. */
export function treeOf(folders: readonly ImageFolder[], rootName: string, compare: (one: string, other: string) => number): FolderNode | null {
  const byPath = new Map<string, Growing>()
  let root: Growing | null = null
  for (const { folderId, path, images } of folders.toSorted((one, other) => one.path.length - other.path.length)) {
    const node: Growing = { id: folderId, name: path.at(-1) ?? rootName, path, images, children: [] }
    const key = JSON.stringify(path)
    if (root === null) root = node
    else parentOf(path, byPath, root).children.push(node)
    if (!byPath.has(key)) byPath.set(key, node)
  }
  for (const { children } of byPath.values()) children.sort((one, other) => compare(one.name, other.name))
  return root
}

function parentOf(path: readonly string[], byPath: ReadonlyMap<string, Growing>, root: Growing): Growing {
  for (let length = path.length - 1; length > 0; length -= 1) {
    const found = byPath.get(JSON.stringify(path.slice(0, length)))
    if (found !== undefined) return found
  }
  return root
}

/** From the root down to the folder; empty if it is not in the tree. */
export function wayTo(root: FolderNode | null, id: string): readonly FolderNode[] {
  const ways: (readonly FolderNode[])[] = root === null ? [] : [[root]]
  for (const way of ways) {
    const last = way.at(-1)
    if (last?.id === id) return way
    for (const child of last?.children ?? []) ways.push([...way, child])
  }
  return []
}
