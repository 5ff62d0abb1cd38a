"""From a written specification to a layout: folders made, refs resolved, shortcuts aimed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from msgspec import UnsetType

from drive_emulator.content.blobs import BlobCache
from drive_emulator.content.kinds import blob_for_kind
from drive_emulator.tree.entry import FOLDER, NATIVE, NO_EXTRAS, SHORTCUT, Entry, Extras, Target
from drive_emulator.tree.explicit_spec import BadTree, ExplicitTreeSpec, ItemSpec, Pointer, is_id
from drive_emulator.tree.layout import NEWEST_MS, sizes_known
from drive_emulator.tree.overlay import affects_descendants, inherit
from drive_emulator.tree.tree import title_of


@dataclass(eq=False)
class FolderNode:
    """A folder of a tree that is written down by hand; `files` from the newest to the oldest.

    `entry` is what it is in the end; where that is not given, it is made of the rest.
    """

    name: str
    files: list[Entry] = field(default_factory=list)
    folders: list["FolderDraft"] = field(default_factory=list)
    shared: bool = True
    trashed: bool = False
    extras: Extras = NO_EXTRAS
    modified_ms: int | None = None
    created_ms: int | None = None

    def entry(self, usual_ms: int) -> Entry:
        """As a folder of its own, made at `usual_ms` where nothing else is said."""
        modified = usual_ms if self.modified_ms is None else self.modified_ms
        created = modified if self.created_ms is None else self.created_ms
        return Entry(
            self.name,
            FOLDER,
            None,
            modified,
            created,
            self.shared,
            self.trashed,
            extras=self.extras,
        )


class ExplicitLayout:
    """A `Plan` made of drafts. `numbers` finds a draft's ordinal by `id(draft)`."""

    def __init__(self, root: FolderNode) -> None:
        drafts, parents = _breadth_first(root)
        self.folders = len(drafts)
        self.numbers = {id(draft): number for number, draft in enumerate(drafts)}
        self._entries = [
            draft.entry(modified)
            for draft, modified in zip(drafts, _folder_times(len(drafts)), strict=True)
        ]
        self.inherited_from = frozenset(
            number for number, folder in enumerate(self._entries) if affects_descendants(folder)
        )
        self._parents: list[int | None] = parents
        self._subfolders: list[range] = []
        self._files: list[range] = []
        opened = 1
        for number, draft in enumerate(drafts):
            self._subfolders.append(range(opened, opened + len(draft.folders)))
            opened += len(draft.folders)
            self._files.append(range(len(self._entries), len(self._entries) + len(draft.files)))
            self._entries += draft.files
            self._parents += [number] * len(draft.files)
        self.files = len(self._entries) - self.folders
        found = map(self._where_it_is, range(self.folders, len(self._entries)))
        self._pictures = [
            entry.blob
            for entry in found
            if entry.blob and entry.blob.is_image and anybody_can_fetch(entry)
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

    def amend(self, ordinal: int, entry: Entry) -> None:
        """Before anybody saw it: shortcuts know their targets only once all have ordinals."""
        self._entries[ordinal] = entry

    def _where_it_is(self, ordinal: int) -> Entry:
        above = []
        parent = self._parents[ordinal]
        while parent is not None:
            above.append(self._entries[parent])
            parent = self._parents[parent]
        return inherit(self._entries[ordinal], iter(above))


def anybody_can_fetch(entry: Entry) -> bool:
    """Shared by link, not thrown away, and Drive would give the bytes, if there are any."""
    extras = entry.extras
    return entry.shared and not entry.trashed and extras.can_download and not extras.abusive


def _breadth_first(root: FolderNode) -> tuple[list[FolderNode], list[int | None]]:
    drafts = [root]
    parents: list[int | None] = [None]
    for number, draft in enumerate(drafts):  # grows while it is read
        drafts += draft.folders
        parents += [number] * len(draft.folders)
    return drafts, parents


def _folder_times(count: int) -> list[int]:
    return [NEWEST_MS + 86_400_000 - number * 60_000 for number in range(count)]


DANGLING_ID = "1" + "DanglingShortcutPointsToNothing_"
"""An id that no item has: a sealed one ends otherwise."""
_BARE = {"folder": FOLDER, "shortcut": SHORTCUT, "native": f"{NATIVE}document"}
_STEP_MS = 60_000

Described = Callable[[str], Entry | None]


def entry_of(blobs: BlobCache, item: ItemSpec, number: int, when_ms: int) -> Entry:
    """What an item describes, made at `when_ms` if it does not say; shortcuts point nowhere yet."""
    name = item.names[-1] if item.names else ""
    blob = blob_for_kind(blobs, item.kind, name, number, item.size, item.text)
    mime_type = blob.container.mime_type if blob else _BARE[item.kind]
    return item.applied(Entry(name, mime_type, blob, when_ms, when_ms))


class TreeBuilder:
    """A written tree on its way. `layout` and `parents` are there once everything is read."""

    def __init__(self, spec: ExplicitTreeSpec, blobs: BlobCache) -> None:
        self._spec = spec
        self._blobs = blobs
        self._root = FolderNode(title_of(spec))
        self._implicit = {id(self._root)}  # folders that no item describes yet, by id(draft)
        self._folders: dict[int, FolderNode] = {}  # by the number of their item
        self._files: dict[int, tuple[FolderNode, int]] = {}  # folder and place in it
        self._children: dict[tuple[int, str], FolderNode] = {}
        self._numbers: dict[str, int] = {}  # ref -> number of its item
        self._each(self._write)
        self.layout = ExplicitLayout(self._root)
        self._paths = self._all_paths()
        self.parents: dict[int, tuple[int, ...]] = {}
        self._each(self._put)

    def aim(self, identify: Callable[[int], str], described: Described) -> None:
        """Point the shortcuts; `described` knows the items of all trees but this."""

        def aim(number: int, item: ItemSpec) -> None:
            if item.kind == "shortcut":
                target = self._target(item, identify, described)
                ordinal = self._ordinal(number)
                entry = self.layout.entry(ordinal)
                extras = replace(entry.extras, target=target)
                self.layout.amend(ordinal, entry._replace(extras=extras))

        self._each(aim)

    def refs(self) -> dict[str, int]:
        """The ordinals of what has a ref."""
        return {ref: self._ordinal(number) for ref, number in self._numbers.items()}

    def _each(self, work: Callable[[int, ItemSpec], None]) -> None:
        for number, item in enumerate(self._spec.items):
            try:
                work(number, item)
            except BadTree as why:
                raise BadTree(f"not a tree: {why} - at `$.items[{number}]`") from None

    def _write(self, number: int, item: ItemSpec) -> None:
        folder = self._start(item)
        for each in item.names[:-1]:
            folder = self._child(folder, each)
        if item.kind == "folder":
            self._folders[number] = self._folder_of(folder, item)
        else:
            self._files[number] = (folder, len(folder.files))
            when = NEWEST_MS - number * _STEP_MS
            folder.files.append(entry_of(self._blobs, item, number, when))
        if item.ref is not None:
            self._numbers[item.ref] = number

    def _start(self, item: ItemSpec) -> FolderNode:
        if item.inside is None:
            return self._root
        number = self._numbers.get(item.inside)
        if number is None or number not in self._folders:
            raise BadTree(f"no folder before this one has the ref {item.inside[:40]!r}")
        return self._folders[number]

    def _child(self, folder: FolderNode, name: str) -> FolderNode:
        """The first folder of that name, made if there is none."""
        found = self._children.get((id(folder), name))
        if found is None:
            found = self._made(folder, name)
            self._implicit.add(id(found))
        return found

    def _made(self, folder: FolderNode, name: str) -> FolderNode:
        made = FolderNode(name)
        folder.folders.append(made)
        self._children.setdefault((id(folder), name), made)
        return made

    def _folder_of(self, folder: FolderNode, item: ItemSpec) -> FolderNode:
        """The folder of an item: one that paths have made, or else a new one, a twin if need be."""
        if not item.names:
            here: FolderNode | None = self._root
        else:
            here = self._children.get((id(folder), item.names[-1]))
        if here is None or id(here) not in self._implicit:
            if here is self._root:
                raise BadTree("another item describes the root")
            here = self._made(folder, item.names[-1])
        self._implicit.discard(id(here))
        applied = entry_of(self._blobs, item, 0, -1)
        here.extras, here.shared, here.trashed = applied.extras, applied.shared, applied.trashed
        here.modified_ms = applied.modified_ms if applied.modified_ms >= 0 else None
        here.created_ms = applied.created_ms if applied.created_ms >= 0 else None
        return here

    def _put(self, number: int, item: ItemSpec) -> None:
        if isinstance(item.parents, UnsetType):
            return
        if item.kind == "folder":
            raise BadTree("a folder is where its path says: only files take parents")
        parents = [self._here(each, "parents") for each in item.parents]
        if any(parent >= self.layout.folders for parent in parents):
            raise BadTree("a parent is a folder")
        self.parents[self._ordinal(number)] = tuple(dict.fromkeys(parents))

    def _ordinal(self, number: int) -> int:
        if number in self._folders:
            return self.layout.numbers[id(self._folders[number])]
        folder, place = self._files[number]
        return self.layout.files_in(self.layout.numbers[id(folder)])[place]

    def _here(self, pointer: Pointer, what: str) -> int:
        """The ordinal of an item of this tree; raises `BadTree`."""
        found = self._found(pointer)
        if found is None:
            raise BadTree(f"the tree has no item {str(pointer)[:60]!r} - in `{what}`")
        return found

    def _found(self, pointer: Pointer) -> int | None:
        if isinstance(pointer, list):
            return self._paths.get(tuple(pointer))
        number = self._numbers.get(pointer)
        return None if number is None else self._ordinal(number)

    def _all_paths(self) -> dict[tuple[str, ...], int]:
        """The first item of every path; those within a twin folder have none."""
        paths: dict[tuple[str, ...], int] = {(): 0}
        for number, item in enumerate(self._spec.items):
            if item.inside is None:
                paths.setdefault(item.names, self._ordinal(number))
                folder = self._root
                for depth, name in enumerate(item.names[:-1], 1):
                    folder = self._children[id(folder), name]
                    paths.setdefault(item.names[:depth], self.layout.numbers[id(folder)])
        return paths

    def _target(
        self, item: ItemSpec, identify: Callable[[int], str], described: Described
    ) -> Target:
        pointer = item.target
        said = item.target_mime_type
        if pointer is None or isinstance(pointer, UnsetType):
            return Target(DANGLING_ID, said or "image/jpeg")
        ordinal = self._found(pointer)
        if ordinal is not None:
            entry: Entry | None = self.layout.entry(ordinal)
            wanted = identify(ordinal)
        elif isinstance(pointer, str) and is_id(pointer):
            entry, wanted = described(pointer), pointer
        else:
            raise BadTree(f"the tree has no item {str(pointer)[:60]!r} - in `target`")
        if entry is None:
            return Target(wanted, said or "image/jpeg")
        return Target(wanted, said or entry.mime_type, entry.extras.resource_key)
