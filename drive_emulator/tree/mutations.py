"""Makes changes while somebody imports: in the overlay of a tree, which is all that is kept."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import msgspec
from msgspec import UNSET

from drive_emulator.content.blobs import Blob, BlobCache
from drive_emulator.content.kinds import blob_for_kind
from drive_emulator.tree.entry import FOLDER, NATIVE, SHORTCUT, Entry, Target
from drive_emulator.tree.explicit_layout import DANGLING_ID, entry_of
from drive_emulator.tree.explicit_spec import (
    MAX_NAME_LENGTH,
    MAX_SIZE,
    MAX_TEXT_LENGTH,
    MIN_SIZE,
    BadTree,
    ItemAttributes,
    ItemSpec,
    validate_item,
)
from drive_emulator.tree.layout import NEWEST_MS
from drive_emulator.tree.overlay import MAX_ADDED
from drive_emulator.tree.tree import File, Tree


class _Change(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True
):
    """`id` is the item that changes."""

    id: str


class Add(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="add", forbid_unknown_fields=True
):
    """A new item in the folder `to`. Its path is one name, the target of a shortcut an id."""

    to: str
    item: ItemSpec


class Move(_Change, frozen=True, tag="move"):
    """Into another folder of its tree, or into several, or into none."""

    to: str | list[str]


class Rename(_Change, frozen=True, tag="rename"):
    """The name changes, and nothing else."""

    name: str


class Trash(_Change, frozen=True, tag="trash"):
    """Into the trash, with all that is in it."""


class Untrash(_Change, frozen=True, tag="untrash"):
    """Out of the trash, unless its folder is there."""


class Delete(_Change, frozen=True, tag="delete"):
    """For good, with all that is in it: 404 from now on."""


class Share(_Change, frozen=True, tag="share"):
    """With everybody who has the link, in a private folder too."""


class Unshare(_Change, frozen=True, tag="unshare"):
    """404 for everybody but the owner and those whom it is shared with by name."""


class Replace(_Change, frozen=True, tag="replace"):
    """Other bytes: of the same size where nothing is given, of `size`, or exactly `text`."""

    size: int | None = None
    text: str | None = None


class Set(
    ItemAttributes,
    frozen=True,
    kw_only=True,
    rename="camel",
    tag_field="do",
    tag="set",
    forbid_unknown_fields=True,
):
    """Any attribute of a written item."""

    id: str


Change = Add | Move | Rename | Trash | Untrash | Delete | Share | Unshare | Replace | Set


_DOINGS = tuple(str(each.__struct_config__.tag) for each in get_args(Change))


class BadChange(ValueError):
    """A change that cannot be made; the message says why."""


class NoSuchItem(BadChange):
    """There is nothing of that id."""


def parse_change(text: str | bytes) -> Change:
    """The change in a JSON text; raises `BadChange`."""
    try:
        change: Change = msgspec.json.decode(text, type=Change)
        if isinstance(change, Set):
            change.check()
        elif isinstance(change, Add):
            validate_item(change.item)
            _check_new(change.item)
    except (msgspec.DecodeError, UnicodeDecodeError, BadTree) as why:
        which = f": do is one of {', '.join(_DOINGS)}" if "`$.do`" in str(why) else ""
        raise BadChange(f"not a change: {why}{which}") from None
    if isinstance(change, Rename) and len(change.name) > MAX_NAME_LENGTH:
        raise BadChange(f"not a change: a name has {MAX_NAME_LENGTH:,} characters at most")
    if isinstance(change, Replace):
        _check_bytes(change)
    return change


def _check_new(item: ItemSpec) -> None:
    if len(item.names) != 1 or item.inside or item.parents is not UNSET or item.ref:
        raise BadTree("a new item has a path of one name, and no ref, in or parents")
    if isinstance(item.target, list):
        raise BadTree("the target of a new shortcut is an id, or null")


def _check_bytes(change: Replace) -> None:
    if change.size is not None and change.text is not None:
        raise BadChange("not a change: bytes are replaced by a size or a text, not both")
    if change.size is not None and not MIN_SIZE <= change.size <= MAX_SIZE:
        raise BadChange(f"not a change: a size is {MIN_SIZE:,} to {MAX_SIZE:,} bytes")
    if change.text is not None and len(change.text) > MAX_TEXT_LENGTH:
        raise BadChange(f"not a change: a text has {MAX_TEXT_LENGTH:,} characters at most")


_STEP_MS = 1_000


class Mutations:
    """Makes changes in the overlays of trees. `find` is the forest's; `now_ms` UTC milliseconds."""

    def __init__(
        self, find: Callable[[str], File | None], blobs: BlobCache, now_ms: Callable[[], int]
    ) -> None:
        self._find = find
        self._blobs = blobs
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
            tree.ensure_overlay().deleted.add(ordinal)
        extras = replace(own.extras, changes=own.extras.changes + 1)
        tree.ensure_overlay().change(ordinal, own._replace(extras=extras))
        return File(tree, ordinal)

    def _changed(self, own: Entry, ordinal: int, change: Change) -> Entry:
        match change:
            case Rename():
                return own._replace(name=change.name)
            case Trash() | Untrash():
                return own._replace(trashed=isinstance(change, Trash))
            case Share() | Unshare():
                shared = isinstance(change, Share)
                return own._replace(shared=shared, extras=replace(own.extras, own_access=shared))
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
        overlay = folder.tree.ensure_overlay()
        if overlay.added >= MAX_ADDED:
            raise BadChange(f"{MAX_ADDED:,} items were added to this tree: it takes no more")
        when = max(self._now_ms(), NEWEST_MS + (overlay.added + 1) * _STEP_MS)
        entry = entry_of(self._blobs, item, overlay.added, when)
        if item.kind == "shortcut":
            entry = entry._replace(extras=replace(entry.extras, target=self._target(item)))
        return File(folder.tree, overlay.add(entry, [folder.ordinal]))

    def _target(self, item: ItemSpec) -> Target:
        wanted = item.target if isinstance(item.target, str) else DANGLING_ID
        found = self._find(wanted)
        usual = found.entry.mime_type if found else "image/jpeg"
        key = found.entry.extras.resource_key if found else None
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
        file.tree.ensure_overlay().place(file.ordinal, parents, file.tree.laid_in(file.ordinal))

    def _replaced(self, own: Entry, ordinal: int, change: Replace) -> Entry:
        if own.blob is None:
            raise BadChange("what has no bytes cannot get others")
        revision = own.extras.revision + 1
        return own._replace(
            blob=self._blob(own, own.blob, ordinal, change),
            modified_ms=max(self._now_ms(), own.modified_ms + _STEP_MS),
            extras=replace(own.extras, revision=revision),
        )

    def _blob(self, own: Entry, blob: Blob, ordinal: int, change: Replace) -> Blob:
        if change.text is not None:
            return self._blobs.literal(change.text.encode(), blob.container)
        if change.size is not None:
            made = blob_for_kind(self._blobs, "picture", own.name, ordinal, change.size, None)
            return made or blob
        if not blob.container.suffix_length:
            raise BadChange("bytes that were written down are replaced by a size or a text")
        return blob


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
