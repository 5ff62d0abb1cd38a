"""Changes of a tree while somebody imports it: `{"do": "replace", "id": …}`."""

from collections.abc import Callable
from typing import get_args

import msgspec
from msgspec import UNSET

from drive_emulator.content.blobs import Blob, BlobCache
from drive_emulator.tree.entry import FOLDER, NATIVE, NEWEST_MS, SHORTCUT, Entry, Target
from drive_emulator.tree.explicit_layout import DANGLING_ID, entry_of
from drive_emulator.tree.explicit_spec import (
    MAX_NAME_LENGTH,
    BadTree,
    ItemAttributes,
    ItemSpec,
    check_bounds,
    validate_item,
)
from drive_emulator.tree.overlay import MAX_ADDED
from drive_emulator.tree.tree import File, Tree
from drive_emulator.validation import InvalidInput, decode

_STEP_MS = 1_000


class _Mutation(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True
):
    """`id` is the item that changes."""

    id: str


class Add(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="add", forbid_unknown_fields=True
):
    """A new item in the folder `to`. Its path is one name; the target of a shortcut is an id."""

    to: str
    item: ItemSpec


class Move(_Mutation, frozen=True, tag="move"):
    """Into another folder of its tree, into several, or into none."""

    to: str | list[str]


class Rename(_Mutation, frozen=True, tag="rename"):
    """Change the name and nothing else."""

    name: str


class Trash(_Mutation, frozen=True, tag="trash"):
    """Move to the trash, with everything in it."""


class Untrash(_Mutation, frozen=True, tag="untrash"):
    """Take out of the trash, unless its folder is there."""


class Delete(_Mutation, frozen=True, tag="delete"):
    """Delete for good, with everything in it: 404 from now on."""


class Share(_Mutation, frozen=True, tag="share"):
    """Share by link, even in a private folder."""


class Unshare(_Mutation, frozen=True, tag="unshare"):
    """404 for everybody but the owner and accounts that have access by name."""


class Replace(_Mutation, frozen=True, tag="replace"):
    """Other bytes: of the same size by default, of `size`, or exactly `text`."""

    size: int | None = None
    text: str | None = None


class Set(
    ItemAttributes, frozen=True, kw_only=True, tag_field="do", tag="set", forbid_unknown_fields=True
):
    """Change any attributes of an item."""

    id: str


Mutation = Add | Move | Rename | Trash | Untrash | Delete | Share | Unshare | Replace | Set
_NAMES = tuple(str(each.__struct_config__.tag) for each in get_args(Mutation))


class BadMutation(InvalidInput):
    """A mutation that cannot be made."""


class NoSuchItem(BadMutation):
    """There is no item with that id."""

    status = 404


def parse_mutation(text: str | bytes) -> Mutation:
    try:
        mutation: Mutation = decode(text, Mutation, "mutation", BadMutation)  # type: ignore[arg-type]
    except BadMutation as why:
        hint = f": do is one of {', '.join(_NAMES)}" if "`$.do`" in str(why) else ""
        raise BadMutation(f"{why}{hint}") from None
    try:
        if isinstance(mutation, Set):
            mutation.validate()
        elif isinstance(mutation, Add):
            validate_item(mutation.item)
            _validate_new(mutation.item)
        elif isinstance(mutation, Rename) and len(mutation.name) > MAX_NAME_LENGTH:
            raise BadTree(f"a name has {MAX_NAME_LENGTH:,} characters at most")
        elif isinstance(mutation, Replace):
            if mutation.size is not None and mutation.text is not None:
                raise BadTree("bytes are replaced by a size or a text, not both")
            check_bounds(mutation.size, mutation.text)
    except BadTree as why:
        raise BadMutation(f"invalid mutation: {why}") from None
    return mutation


def _validate_new(item: ItemSpec) -> None:
    if len(item.names) != 1 or item.inside or item.parents is not UNSET or item.ref:
        raise BadTree("a new item has a path of one name, and no ref, in or parents")
    if isinstance(item.target, list):
        raise BadTree("the target of a new shortcut is an id, or null")


class Mutations:
    """Makes changes in the overlays of trees; `now_ms` gives UTC milliseconds since 1970."""

    def __init__(
        self, find: Callable[[str], File | None], cache: BlobCache, now_ms: Callable[[], int]
    ) -> None:
        self._find = find
        self._cache = cache
        self._now_ms = now_ms

    def apply(self, mutation: Mutation) -> File:
        """The item as it is afterwards; raises `BadMutation`, and then nothing has changed."""
        if isinstance(mutation, Add):
            return self._add(mutation)
        file = self._existing(mutation.id)
        tree, ordinal = file.tree, file.ordinal
        own = self._changed(tree.own(ordinal), ordinal, mutation)
        if isinstance(mutation, Move):
            self._move(file, [mutation.to] if isinstance(mutation.to, str) else mutation.to)
        elif isinstance(mutation, Delete):
            tree.editable().deleted.add(ordinal)
        tree.editable().change(ordinal, own.with_extras(changes=own.extras.changes + 1))
        return File(tree, ordinal)

    def _changed(self, own: Entry, ordinal: int, mutation: Mutation) -> Entry:
        match mutation:
            case Rename():
                return own._replace(name=mutation.name)
            case Trash() | Untrash():
                return own._replace(trashed=isinstance(mutation, Trash))
            case Share() | Unshare():
                shared = isinstance(mutation, Share)
                return own._replace(shared=shared).with_extras(own_access=shared)
            case Replace():
                return self._replaced(own, ordinal, mutation)
            case Set():
                return _set(own, mutation)
            case _:
                return own

    def _existing(self, file_id: str) -> File:
        file = self._find(file_id)
        if file is None:
            raise NoSuchItem(f"there is no item {file_id[:60]!r}")
        return file

    def _folder(self, file_id: str) -> File:
        folder = self._existing(file_id)
        if not folder.is_folder:
            raise BadMutation(f"{file_id} is not a folder")
        return folder

    def _add(self, mutation: Add) -> File:
        folder, item = self._folder(mutation.to), mutation.item
        overlay = folder.tree.editable()
        if overlay.added >= MAX_ADDED:
            raise BadMutation(f"{MAX_ADDED:,} items can be added to a tree at most")
        when = max(self._now_ms(), NEWEST_MS + (overlay.added + 1) * _STEP_MS)
        entry = entry_of(self._cache, item, overlay.added, when)
        if item.kind == "shortcut":
            entry = entry.with_extras(target=self._target(item))
        return File(folder.tree, overlay.add(entry, [folder.ordinal]))

    def _target(self, item: ItemSpec) -> Target:
        target_id = item.target if isinstance(item.target, str) else DANGLING_ID
        found = self._find(target_id)
        default = found.entry.mime_type if found else "image/jpeg"
        key = found.entry.extras.resource_key if found else None
        return Target(target_id, item.target_mime_type or default, key)

    def _move(self, file: File, folder_ids: list[str]) -> None:
        folders = [self._folder(each) for each in dict.fromkeys(folder_ids)]
        if not file.ordinal:
            raise BadMutation("the root of a tree cannot be moved")
        for folder in folders:
            if folder.tree is not file.tree:
                raise BadMutation("an item can only be moved within its own tree")
            if file.ordinal in (folder.ordinal, *_all_ancestors(folder.tree, folder.ordinal)):
                raise BadMutation("a folder cannot be inside itself")
        parents = [folder.ordinal for folder in folders]
        original = file.tree.original_parent(file.ordinal)
        file.tree.editable().set_parents(file.ordinal, parents, original)

    def _replaced(self, own: Entry, ordinal: int, mutation: Replace) -> Entry:
        if own.blob is None:
            raise BadMutation("an item without bytes cannot get others")
        blob = self._new_blob(own, own.blob, ordinal, mutation)
        modified = max(self._now_ms(), own.modified_ms + _STEP_MS)
        own = own._replace(blob=blob, modified_ms=modified)
        return own.with_extras(revision=own.extras.revision + 1)

    def _new_blob(self, own: Entry, blob: Blob, ordinal: int, mutation: Replace) -> Blob:
        if mutation.text is not None:
            return self._cache.literal(mutation.text.encode(), blob.container)
        if mutation.size is not None:
            return self._cache.of_kind("picture", own.name, ordinal, mutation.size, None) or blob
        if not blob.container.suffix_length:
            raise BadMutation("fixed bytes can only be replaced by a size or a text")
        return blob


def _set(own: Entry, mutation: Set) -> Entry:
    mime_type = mutation.mime_type
    if isinstance(mime_type, str):
        special = own.mime_type in (FOLDER, SHORTCUT) or mime_type in (FOLDER, SHORTCUT)
        if special or mime_type.startswith(NATIVE) != own.mime_type.startswith(NATIVE):
            raise BadMutation("an item with bytes cannot become one without, or the reverse")
    return mutation.applied(own)


def _all_ancestors(tree: Tree, ordinal: int) -> set[int]:
    found: set[int] = set()
    pending = list(tree.parents(ordinal))
    while pending:
        folder = pending.pop()
        if folder not in found:
            found.add(folder)
            pending += tree.parents(folder)
    return found
