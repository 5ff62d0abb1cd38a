"""Makes changes while somebody imports: in the overlay of a tree, which is all that is kept."""

from collections.abc import Callable
from dataclasses import replace

from drive_emulator.changes import (
    Add,
    BadChange,
    Change,
    Delete,
    Move,
    NoSuchItem,
    Rename,
    Replace,
    Set,
    Share,
    Trash,
    Unshare,
    Untrash,
)
from drive_emulator.drafting import NOWHERE, entry_of
from drive_emulator.entry import FOLDER, NATIVE, SHORTCUT, Entry, Target
from drive_emulator.kinds import stock_of
from drive_emulator.layout import NEWEST_MS
from drive_emulator.overlay import MOST_ADDED
from drive_emulator.stock import Shelf, Stock
from drive_emulator.tree import File, Tree
from drive_emulator.written import Item

_STEP_MS = 1_000


class Mutations:
    """Makes changes in the overlays of trees. `find` is the forest's; `now_ms` UTC milliseconds."""

    def __init__(
        self, find: Callable[[str], File | None], shelf: Shelf, now_ms: Callable[[], int]
    ) -> None:
        self._find = find
        self._shelf = shelf
        self._now_ms = now_ms

    def make(self, change: Change) -> File:
        """The item as it is afterwards; raises `BadChange`, and then nothing has changed."""
        if isinstance(change, Add):
            return self._add(change)
        file = self._there(change.id)
        tree, ordinal = file.tree, file.ordinal
        own = self._changed(tree.own(ordinal), ordinal, change)
        if isinstance(change, Move):
            self._move(file, [change.to] if isinstance(change.to, str) else change.to)
        elif isinstance(change, Delete):
            tree.edited().gone.add(ordinal)
        rare = replace(own.rare, changes=own.rare.changes + 1)
        tree.edited().change(ordinal, own._replace(rare=rare))
        return File(tree, ordinal)

    def _changed(self, own: Entry, ordinal: int, change: Change) -> Entry:
        match change:
            case Rename():
                return own._replace(name=change.name)
            case Trash() | Untrash():
                return own._replace(trashed=isinstance(change, Trash))
            case Share() | Unshare():
                shared = isinstance(change, Share)
                return own._replace(shared=shared, rare=replace(own.rare, own_access=shared))
            case Replace():
                return self._replaced(own, ordinal, change)
            case Set():
                return _with(own, change)
            case _:
                return own

    def _there(self, wanted: str) -> File:
        file = self._find(wanted)
        if file is None:
            raise NoSuchItem(f"there is no item {wanted[:60]!r}")
        return file

    def _folder(self, wanted: str) -> File:
        folder = self._there(wanted)
        if not folder.is_folder:
            raise BadChange(f"{wanted} is no folder")
        return folder

    def _add(self, change: Add) -> File:
        folder, item = self._folder(change.to), change.item
        overlay = folder.tree.edited()
        if overlay.added >= MOST_ADDED:
            raise BadChange(f"{MOST_ADDED:,} items were added to this tree: it takes no more")
        when = max(self._now_ms(), NEWEST_MS + (overlay.added + 1) * _STEP_MS)
        entry = entry_of(self._shelf, item, overlay.added, when)
        if item.kind == "shortcut":
            entry = entry._replace(rare=replace(entry.rare, target=self._target(item)))
        return File(folder.tree, overlay.add(entry, [folder.ordinal]))

    def _target(self, item: Item) -> Target:
        wanted = item.target if isinstance(item.target, str) else NOWHERE
        found = self._find(wanted)
        usual = found.entry.mime_type if found else "image/jpeg"
        key = found.entry.rare.resource_key if found else None
        return Target(wanted, item.target_mime_type or usual, key)

    def _move(self, file: File, wanted: list[str]) -> None:
        folders = [self._folder(each) for each in dict.fromkeys(wanted)]
        if not file.ordinal:
            raise BadChange("the root of a tree stays where it is")
        for folder in folders:
            if folder.tree is not file.tree:
                raise BadChange("an item moves within its own tree")
            if file.ordinal in (folder.ordinal, *_all_above(folder.tree, folder.ordinal)):
                raise BadChange("a folder cannot be in itself")
        parents = [folder.ordinal for folder in folders]
        file.tree.edited().place(file.ordinal, parents, file.tree.laid_in(file.ordinal))

    def _replaced(self, own: Entry, ordinal: int, change: Replace) -> Entry:
        if own.stock is None:
            raise BadChange("what has no bytes cannot get others")
        revision = own.rare.revision + 1
        return own._replace(
            stock=self._stock(own, own.stock, ordinal, change),
            modified_ms=max(self._now_ms(), own.modified_ms + _STEP_MS),
            rare=replace(own.rare, revision=revision),
        )

    def _stock(self, own: Entry, stock: Stock, ordinal: int, change: Replace) -> Stock:
        if change.text is not None:
            return self._shelf.literal(change.text.encode(), stock.container)
        if change.size is not None:
            made = stock_of(self._shelf, "picture", own.name, ordinal, change.size, None)
            return made or stock
        if not stock.container.suffix_length:
            raise BadChange("bytes that were written down are replaced by a size or a text")
        return stock


def _with(own: Entry, change: Set) -> Entry:
    said = change.mime_type
    if isinstance(said, str):
        fixed = own.mime_type in (FOLDER, SHORTCUT) or said in (FOLDER, SHORTCUT)
        if fixed or said.startswith(NATIVE) != own.mime_type.startswith(NATIVE):
            raise BadChange("the type of an item with bytes cannot become one without, or so")
    return change.applied(own)


def _all_above(tree: Tree, ordinal: int) -> set[int]:
    """The folders over it, by whichever of its parents."""
    found: set[int] = set()
    open_ones = list(tree.parents(ordinal))
    while open_ones:
        folder = open_ones.pop()
        if folder not in found:
            found.add(folder)
            open_ones += tree.parents(folder)
    return found
