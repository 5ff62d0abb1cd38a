/** The folders of an import: where one is, what is below, and the whole tree in a dialog. */
import { useId, useMemo, useRef, useState } from 'react'
import { counted, formatCount } from '../text/format'
import { locale, t } from '../text/language'
import { Dialog } from '../ui/Dialog'
import { Retry } from '../ui/Retry'
import { treeOf, wayTo, type FolderNode } from './folderTree'
import { useFolders } from './useImages'

interface Props {
  readonly importId: string
  readonly importName: string
  /** Changes when folders were found. */
  readonly version: number
  readonly folder: string | undefined
  /** Whether the images of the folders below it are shown as well. */
  readonly below: boolean
  readonly onChoose: (folder: string | undefined) => void
  readonly onBelow: (below: boolean) => void
}

/** More are only in the tree. */
const MOST_BELOW = 12

export function Folders({ importId, importName, version, folder, below, onChoose, onBelow }: Props) {
  const { data, error, refetch } = useFolders(importId, version)
  const [open, setOpen] = useState(false)
  const tree = useMemo(() => treeOf(data ?? [], importName, new Intl.Collator(locale(), { numeric: true }).compare), [data, importName])
  const { folders } = t().gallery
  if (error !== null) return <Retry what={folders.list} error={error} hasOlder={false} onRetry={() => void refetch()} />
  // It has its height from the first, else what is in sight would move when it comes.
  if (data === undefined && version > 1) return <Awaited />
  if (tree === null || (tree.children.length === 0 && folder === undefined)) return null
  const way = folder === undefined ? [] : wayTo(tree, folder)
  const inside = (folder === undefined ? tree : way.at(-1))?.children ?? []
  return (
    <nav className="folders" aria-label={folders.label}>
      <button type="button" className="small" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {folders.tree}
      </button>
      <ol className="folder-way">
        <li>
          <Crumb current={folder === undefined} onChoose={() => onChoose(undefined)}>
            {folders.all}
          </Crumb>
        </li>
        {way.map((node) => (
          <li key={node.id}>
            <Crumb current={node.id === folder} onChoose={() => onChoose(node.id)}>
              {node.name}
            </Crumb>
          </li>
        ))}
        {folder !== undefined && way.length === 0 && <li className="quiet">{folders.unknown}</li>}
      </ol>
      {folder !== undefined && (inside.length > 0 || below) && (
        <label className="folder-with-below">
          <input type="checkbox" checked={below} onChange={({ target }) => onBelow(target.checked)} />
          {folders.withBelow}
        </label>
      )}
      {inside.length > 0 && (
        <ul className="folder-below" aria-label={folders.below}>
          {inside.slice(0, MOST_BELOW).map((node) => (
            <li key={node.id}>
              <button type="button" className="small" onClick={() => onChoose(node.id)}>
                <bdi>{node.name.slice(0, 100)}</bdi> <span className="quiet">{formatCount(node.images)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {open && (
        <TreeDialog
          tree={tree}
          folder={folder}
          way={way}
          onChoose={(id) => {
            setOpen(false)
            onChoose(id)
          }}
          onClose={() => setOpen(false)}
        />
      )}
    </nav>
  )
}

function Awaited() {
  const { folders } = t().gallery
  return (
    <nav className="folders" aria-label={folders.label} aria-busy="true">
      <button type="button" className="small" disabled>
        {folders.tree}
      </button>
      <ol className="folder-way">
        <li>
          <button type="button" className="crumb" disabled>
            {folders.all}
          </button>
        </li>
      </ol>
    </nav>
  )
}

function Crumb({ current, onChoose, children }: { current: boolean; onChoose: () => void; children: string }) {
  return (
    <button type="button" className="crumb" aria-current={current ? 'location' : undefined} onClick={onChoose}>
      <bdi>{children.slice(0, 100)}</bdi>
    </button>
  )
}

interface TreeProps {
  readonly tree: FolderNode
  readonly folder: string | undefined
  readonly way: readonly FolderNode[]
  readonly onChoose: (id: string) => void
}

function TreeDialog({ tree, folder, way, onChoose, onClose }: TreeProps & { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  return (
    <Dialog ref={dialog} className="folder-dialog" labelledBy={id} onClose={onClose}>
      <header className="history-head">
        <h2 id={id}>{t().gallery.folders.label}</h2>
        <button type="button" aria-label={t().common.close} onClick={() => dialog.current?.close()}>
          ✕
        </button>
      </header>
      <ul className="folder-tree">
        <Node node={tree} open={new Set([tree.id, ...way.map((one) => one.id)])} folder={folder} onChoose={onChoose} />
      </ul>
    </Dialog>
  )
}

interface NodeProps {
  readonly node: FolderNode
  /** Which are open at first. */
  readonly open: ReadonlySet<string>
  readonly folder: string | undefined
  readonly onChoose: (id: string) => void
}

function Node({ node, open, folder, onChoose }: NodeProps) {
  const [shown, setShown] = useState(open.has(node.id))
  const { folders } = t().gallery
  return (
    <li>
      <div className="folder-node">
        {node.children.length > 0 ? (
          <button type="button" className="folder-open" aria-expanded={shown} aria-label={folders.below} onClick={() => setShown(!shown)}>
            {shown ? '▾' : '▸'}
          </button>
        ) : (
          <span className="folder-open" />
        )}
        <button type="button" className="folder-name" aria-current={node.id === folder ? 'true' : undefined} onClick={() => onChoose(node.id)}>
          <bdi>{node.name.slice(0, 200)}</bdi> <span className="quiet">{counted(node.images, ...t().common.image)}</span>
        </button>
      </div>
      {shown && node.children.length > 0 && (
        <ul>
          {node.children.map((child) => (
            <Node key={child.id} node={child} open={open} folder={folder} onChoose={onChoose} />
          ))}
        </ul>
      )}
    </li>
  )
}
