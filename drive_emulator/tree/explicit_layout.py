"""The layout of an explicit tree, and how it is built from the tree's items."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec import UnsetType

from drive_emulator.content.blobs import BlobCache, sizes_known
from drive_emulator.tree.entry import (
    FOLDER,
    NATIVE,
    NEWEST_MS,
    SHORTCUT,
    Entry,
    Target,
)
from drive_emulator.tree.explicit_spec import (
    BadTree,
    ExplicitTreeSpec,
    ItemSpec,
    Pointer,
    is_id,
    root_name,
)
from drive_emulator.tree.overlay import affects_descendants, inherit

DANGLING_ID = "1" + "DanglingShortcutPointsToNothing_"
"""An id that no item has: real ones end in a valid signature."""
_BARE_TYPES = {"folder": FOLDER, "shortcut": SHORTCUT, "native": f"{NATIVE}document"}
_STEP_MS = 60_000

FindEntry = Callable[[str], Entry | None]


@dataclass(eq=False)
class FolderNode:
    """A folder while its tree is being built; `files` are from the newest to the oldest.

    `own` is what an item says about it, with negative times if it gives none. Folders that only
    occur in paths have none. `ordinal` is set by the layout.
    """

    name: str
    files: list[Entry] = field(default_factory=list)
    folders: list["FolderNode"] = field(default_factory=list)
    own: Entry | None = None
    ordinal: int = 0
    _by_name: dict[str, "FolderNode"] = field(default_factory=dict)

    def find(self, name: str) -> "FolderNode | None":
        return self._by_name.get(name)

    def add(self, name: str) -> "FolderNode":
        """A new folder, even if there is another of that name."""
        folder = FolderNode(name)
        self.folders.append(folder)
        self._by_name.setdefault(name, folder)
        return folder

    def entry(self, default_ms: int) -> Entry:
        """The folder's own entry; `default_ms` is the time if none was given."""
        own = self.own or Entry(self.name, FOLDER, None, -1, -1)
        modified = own.modified_ms if own.modified_ms >= 0 else default_ms
        created = own.created_ms if own.created_ms >= 0 else modified
        return own._replace(name=self.name, modified_ms=modified, created_ms=created)


class ExplicitLayout:
    """The layout of a tree of folder nodes, whose ordinals it sets (see `tree.tree`)."""

    def __init__(self, root: FolderNode) -> None:
        nodes, self._parents = _breadth_first(root)
        self.folders = len(nodes)
        for ordinal, node in enumerate(nodes):
            node.ordinal = ordinal
        newest = NEWEST_MS + 86_400_000
        self._entries = [node.entry(newest - node.ordinal * _STEP_MS) for node in nodes]
        self.inherited_from = frozenset(
            ordinal for ordinal, folder in enumerate(self._entries) if affects_descendants(folder)
        )
        self._subfolders: list[range] = []
        self._files: list[range] = []
        next_folder = 1
        for node in nodes:
            self._subfolders.append(range(next_folder, next_folder + len(node.folders)))
            next_folder += len(node.folders)
            self._files.append(range(len(self._entries), len(self._entries) + len(node.files)))
            self._entries += node.files
            self._parents += [node.ordinal] * len(node.files)
        self.files = len(self._entries) - self.folders
        files = map(self._effective, range(self.folders, len(self._entries)))
        self._pictures = [
            entry.blob
            for entry in files
            if entry.blob and entry.blob.is_image and entry.downloadable_by_anybody
        ]
        self.pictures = len(self._pictures)
        self.blobs = {id(blob): blob for blob in self._pictures}.values()

    def picture_bytes(self) -> int | None:
        if not sizes_known(self.blobs):
            return None
        return sum(blob.size for blob in self._pictures)

    def parent(self, ordinal: int) -> int | None:
        return self._parents[ordinal]

    def subfolders(self, folder: int) -> range:
        return self._subfolders[folder]

    def files_in(self, folder: int) -> range:
        return self._files[folder]

    def entry(self, ordinal: int) -> Entry:
        return self._entries[ordinal]

    def set_target(self, ordinal: int, target: Target) -> None:
        """Point a shortcut, which is possible once all items have ordinals."""
        self._entries[ordinal] = self._entries[ordinal].with_extras(target=target)

    def _effective(self, ordinal: int) -> Entry:
        return inherit(self._entries[ordinal], map(self.entry, self._ancestors(ordinal)))

    def _ancestors(self, ordinal: int) -> Iterator[int]:
        while (parent := self._parents[ordinal]) is not None:
            yield parent
            ordinal = parent


def _breadth_first(root: FolderNode) -> tuple[list[FolderNode], list[int | None]]:
    nodes = [root]
    parents: list[int | None] = [None]
    for ordinal, node in enumerate(nodes):  # grows during the loop
        nodes += node.folders
        parents += [ordinal] * len(node.folders)
    return nodes, parents


def entry_of(cache: BlobCache, item: ItemSpec, number: int, when_ms: int) -> Entry:
    """The entry of an item, with `when_ms` as its default time; shortcuts have no target yet."""
    name = item.names[-1] if item.names else ""
    blob = cache.of_kind(item.kind, name, number, item.size, item.text)
    mime_type = blob.container.mime_type if blob else _BARE_TYPES[item.kind]
    return item.applied(Entry(name, mime_type, blob, when_ms, when_ms))


class TreeBuilder:
    """Builds the `layout` of an explicit tree; `parents` are of files with parents of their own.

    Items are known by their number in the specification.
    """

    def __init__(self, spec: ExplicitTreeSpec, cache: BlobCache) -> None:
        self._spec = spec
        self._cache = cache
        self._root = FolderNode(root_name(spec.title, spec.drive, spec.name))
        self._folders: dict[int, FolderNode] = {}
        self._files: dict[int, tuple[FolderNode, int]] = {}  # folder, and index in it
        self._numbers: dict[str, int] = {}  # by ref
        self._for_each_item(self._add_item)
        self.layout = ExplicitLayout(self._root)
        self._paths = self._all_paths()
        self.parents: dict[int, tuple[int, ...]] = {}
        self._for_each_item(self._set_parents)

    def resolve_shortcuts(self, id_of: Callable[[int], str], find_entry: FindEntry) -> None:
        """Set the targets of shortcuts; `find_entry` finds the items of other trees by id."""

        def resolve(number: int, item: ItemSpec) -> None:
            if item.kind == "shortcut":
                target = self._target(item, id_of, find_entry)
                self.layout.set_target(self._ordinal(number), target)

        self._for_each_item(resolve)

    def refs(self) -> dict[str, int]:
        return {ref: self._ordinal(number) for ref, number in self._numbers.items()}

    def _for_each_item(self, work: Callable[[int, ItemSpec], None]) -> None:
        for number, item in enumerate(self._spec.items):
            try:
                work(number, item)
            except BadTree as why:
                raise BadTree(f"invalid tree: {why} - at `$.items[{number}]`") from None

    def _add_item(self, number: int, item: ItemSpec) -> None:
        folder = self._start(item)
        for name in item.names[:-1]:
            folder = folder.find(name) or folder.add(name)
        if item.kind == "folder":
            self._folders[number] = self._describe(folder, item)
        else:
            self._files[number] = (folder, len(folder.files))
            when = NEWEST_MS - number * _STEP_MS
            folder.files.append(entry_of(self._cache, item, number, when))
        if item.ref is not None:
            self._numbers[item.ref] = number

    def _start(self, item: ItemSpec) -> FolderNode:
        if item.inside is None:
            return self._root
        number = self._numbers.get(item.inside)
        if number is None or number not in self._folders:
            raise BadTree(f"no folder before this one has the ref {item.inside[:40]!r}")
        return self._folders[number]

    def _describe(self, folder: FolderNode, item: ItemSpec) -> FolderNode:
        node = folder.find(item.names[-1]) if item.names else self._root
        if node is None or node.own:
            if node is self._root:
                raise BadTree("another item describes the root")
            node = folder.add(item.names[-1])
        node.own = entry_of(self._cache, item, 0, -1)
        return node

    def _set_parents(self, number: int, item: ItemSpec) -> None:
        if isinstance(item.parents, UnsetType):
            return
        if item.kind == "folder":
            raise BadTree("a folder is where its path says: only files can have parents")
        parents: dict[int, None] = {}
        for pointer in item.parents:
            parent = self._find(pointer)
            if parent is None:
                raise _no_item(pointer, "parents")
            if parent >= self.layout.folders:
                raise BadTree("a parent must be a folder")
            parents[parent] = None
        self.parents[self._ordinal(number)] = tuple(parents)

    def _ordinal(self, number: int) -> int:
        if number in self._folders:
            return self._folders[number].ordinal
        folder, index = self._files[number]
        return self.layout.files_in(folder.ordinal)[index]

    def _find(self, pointer: Pointer) -> int | None:
        if isinstance(pointer, list):
            return self._paths.get(tuple(pointer))
        number = self._numbers.get(pointer)
        return None if number is None else self._ordinal(number)

    def _all_paths(self) -> dict[tuple[str, ...], int]:
        """The first item of every path; items in a twin folder have none."""
        paths: dict[tuple[str, ...], int] = {(): 0}
        for number, item in enumerate(self._spec.items):
            if item.inside is None:
                paths.setdefault(item.names, self._ordinal(number))
                folder = self._root
                for depth, name in enumerate(item.names[:-1], 1):
                    folder = folder.find(name) or folder
                    paths.setdefault(item.names[:depth], folder.ordinal)
        return paths

    def _target(self, item: ItemSpec, id_of: Callable[[int], str], find_entry: FindEntry) -> Target:
        pointer, default = item.target, item.target_mime_type or "image/jpeg"
        if pointer is None or isinstance(pointer, UnsetType):
            return Target(DANGLING_ID, default)
        ordinal = self._find(pointer)
        if ordinal is not None:
            entry: Entry | None = self.layout.entry(ordinal)
            target_id = id_of(ordinal)
        elif isinstance(pointer, str) and is_id(pointer):
            entry, target_id = find_entry(pointer), pointer
        else:
            raise _no_item(pointer, "target")
        if entry is None:
            return Target(target_id, default)
        mime_type = item.target_mime_type or entry.mime_type
        return Target(target_id, mime_type, entry.extras.resource_key)


def _no_item(pointer: Pointer, member: str) -> BadTree:
    return BadTree(f"the tree has no item {str(pointer)[:60]!r} - in `{member}`")
