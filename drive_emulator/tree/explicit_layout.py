"""From a written specification to a layout: folders made, refs resolved, shortcuts aimed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from msgspec import UnsetType

from drive_emulator.content.blobs import Shelf
from drive_emulator.content.kinds import stock_of
from drive_emulator.tree.entry import FOLDER, NATIVE, PLAIN, SHORTCUT, Entry, Rare, Target
from drive_emulator.tree.explicit_spec import BadTree, Item, Pointer, WrittenSpec, is_id
from drive_emulator.tree.layout import NEWEST_MS, sizes_known
from drive_emulator.tree.overlay import covers_others, inherit
from drive_emulator.tree.tree import title_of


@dataclass(eq=False)
class FolderDraft:
    """A folder of a tree that is written down by hand; `files` from the newest to the oldest.

    `entry` is what it is in the end; where that is not given, it is made of the rest.
    """

    name: str
    files: list[Entry] = field(default_factory=list)
    folders: list["FolderDraft"] = field(default_factory=list)
    shared: bool = True
    trashed: bool = False
    rare: Rare = PLAIN
    modified_ms: int | None = None
    created_ms: int | None = None

    def entry(self, usual_ms: int) -> Entry:
        """As a folder of its own, made at `usual_ms` where nothing else is said."""
        modified = usual_ms if self.modified_ms is None else self.modified_ms
        created = modified if self.created_ms is None else self.created_ms
        return Entry(
            self.name, FOLDER, None, modified, created, self.shared, self.trashed, rare=self.rare
        )


class Listed:
    """A `Plan` made of drafts. `numbers` finds a draft's ordinal by `id(draft)`."""

    def __init__(self, root: FolderDraft) -> None:
        drafts, parents = _breadth_first(root)
        self.folders = len(drafts)
        self.numbers = {id(draft): number for number, draft in enumerate(drafts)}
        self._entries = [
            draft.entry(modified)
            for draft, modified in zip(drafts, _folder_times(len(drafts)), strict=True)
        ]
        self.covers = frozenset(
            number for number, folder in enumerate(self._entries) if covers_others(folder)
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
            entry.stock
            for entry in found
            if entry.stock and entry.stock.is_image and anybody_can_fetch(entry)
        ]
        self.pictures = len(self._pictures)
        self.stocks = {id(stock): stock for stock in self._pictures}.values()

    def picture_bytes(self) -> int | None:
        if not sizes_known(self.stocks):
            return None
        return sum(stock.size for stock in self._pictures)

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
    rare = entry.rare
    return entry.shared and not entry.trashed and rare.can_download and not rare.abusive


def _breadth_first(root: FolderDraft) -> tuple[list[FolderDraft], list[int | None]]:
    drafts = [root]
    parents: list[int | None] = [None]
    for number, draft in enumerate(drafts):  # grows while it is read
        drafts += draft.folders
        parents += [number] * len(draft.folders)
    return drafts, parents


def _folder_times(count: int) -> list[int]:
    return [NEWEST_MS + 86_400_000 - number * 60_000 for number in range(count)]


NOWHERE = "1" + "DanglingShortcutPointsToNothing_"
"""An id that no item has: a sealed one ends otherwise."""
_BARE = {"folder": FOLDER, "shortcut": SHORTCUT, "native": f"{NATIVE}document"}
_STEP_MS = 60_000

Described = Callable[[str], Entry | None]


def entry_of(shelf: Shelf, item: Item, number: int, when_ms: int) -> Entry:
    """What an item describes, made at `when_ms` if it does not say; shortcuts point nowhere yet."""
    name = item.names[-1] if item.names else ""
    stock = stock_of(shelf, item.kind, name, number, item.size, item.text)
    mime_type = stock.container.mime_type if stock else _BARE[item.kind]
    return item.applied(Entry(name, mime_type, stock, when_ms, when_ms))


class Draft:
    """A written tree on its way. `layout` and `parents` are there once everything is read."""

    def __init__(self, spec: WrittenSpec, shelf: Shelf) -> None:
        self._spec = spec
        self._shelf = shelf
        self._root = FolderDraft(title_of(spec))
        self._implicit = {id(self._root)}  # folders that no item describes yet, by id(draft)
        self._folders: dict[int, FolderDraft] = {}  # by the number of their item
        self._files: dict[int, tuple[FolderDraft, int]] = {}  # folder and place in it
        self._children: dict[tuple[int, str], FolderDraft] = {}
        self._numbers: dict[str, int] = {}  # ref -> number of its item
        self._each(self._write)
        self.layout = Listed(self._root)
        self._paths = self._all_paths()
        self.parents: dict[int, tuple[int, ...]] = {}
        self._each(self._put)

    def aim(self, identify: Callable[[int], str], described: Described) -> None:
        """Point the shortcuts; `described` knows the items of all trees but this."""

        def aim(number: int, item: Item) -> None:
            if item.kind == "shortcut":
                target = self._target(item, identify, described)
                ordinal = self._ordinal(number)
                entry = self.layout.entry(ordinal)
                rare = replace(entry.rare, target=target)
                self.layout.amend(ordinal, entry._replace(rare=rare))

        self._each(aim)

    def refs(self) -> dict[str, int]:
        """The ordinals of what has a ref."""
        return {ref: self._ordinal(number) for ref, number in self._numbers.items()}

    def _each(self, work: Callable[[int, Item], None]) -> None:
        for number, item in enumerate(self._spec.items):
            try:
                work(number, item)
            except BadTree as why:
                raise BadTree(f"not a tree: {why} - at `$.items[{number}]`") from None

    def _write(self, number: int, item: Item) -> None:
        folder = self._start(item)
        for each in item.names[:-1]:
            folder = self._child(folder, each)
        if item.kind == "folder":
            self._folders[number] = self._folder_of(folder, item)
        else:
            self._files[number] = (folder, len(folder.files))
            when = NEWEST_MS - number * _STEP_MS
            folder.files.append(entry_of(self._shelf, item, number, when))
        if item.ref is not None:
            self._numbers[item.ref] = number

    def _start(self, item: Item) -> FolderDraft:
        if item.inside is None:
            return self._root
        number = self._numbers.get(item.inside)
        if number is None or number not in self._folders:
            raise BadTree(f"no folder before this one has the ref {item.inside[:40]!r}")
        return self._folders[number]

    def _child(self, folder: FolderDraft, name: str) -> FolderDraft:
        """The first folder of that name, made if there is none."""
        found = self._children.get((id(folder), name))
        if found is None:
            found = self._made(folder, name)
            self._implicit.add(id(found))
        return found

    def _made(self, folder: FolderDraft, name: str) -> FolderDraft:
        made = FolderDraft(name)
        folder.folders.append(made)
        self._children.setdefault((id(folder), name), made)
        return made

    def _folder_of(self, folder: FolderDraft, item: Item) -> FolderDraft:
        """The folder of an item: one that paths have made, or else a new one, a twin if need be."""
        if not item.names:
            here: FolderDraft | None = self._root
        else:
            here = self._children.get((id(folder), item.names[-1]))
        if here is None or id(here) not in self._implicit:
            if here is self._root:
                raise BadTree("another item describes the root")
            here = self._made(folder, item.names[-1])
        self._implicit.discard(id(here))
        applied = entry_of(self._shelf, item, 0, -1)
        here.rare, here.shared, here.trashed = applied.rare, applied.shared, applied.trashed
        here.modified_ms = applied.modified_ms if applied.modified_ms >= 0 else None
        here.created_ms = applied.created_ms if applied.created_ms >= 0 else None
        return here

    def _put(self, number: int, item: Item) -> None:
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

    def _target(self, item: Item, identify: Callable[[int], str], described: Described) -> Target:
        pointer = item.target
        said = item.target_mime_type
        if pointer is None or isinstance(pointer, UnsetType):
            return Target(NOWHERE, said or "image/jpeg")
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
        return Target(wanted, said or entry.mime_type, entry.rare.resource_key)
