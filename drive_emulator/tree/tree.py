"""One tree, and one file of it: the layout, and what was changed since.

Every item of a tree has an ordinal: 0 is the root folder, then come the other folders, then the
files. Ordinals go from the newest to the oldest item, so Drive's order of a listing is the order
of ordinals, and a page can begin after any ordinal without a search.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from drive_emulator.tree.entry import Entry
from drive_emulator.tree.explicit_layout import ExplicitLayout
from drive_emulator.tree.explicit_spec import ExplicitTreeSpec
from drive_emulator.tree.generated import GeneratedLayout, GeneratedTreeSpec
from drive_emulator.tree.overlay import Overlay, inherit
from drive_emulator.tree.token_cipher import TokenCipher

Layout = GeneratedLayout | ExplicitLayout
Spec = GeneratedTreeSpec | ExplicitTreeSpec
FILE_KEY = Struct(">II")  # the tree's key, and the ordinal: what an id encrypts


class Drive(NamedTuple):
    """A shared drive. Its root folder has the same id."""

    id: str
    name: str


class Tree:
    """A root folder and everything below it. `key` is 32 bits, from its name and seed.

    `refs` are ids by the refs of an explicit tree.
    """

    def __init__(self, key: int, layout: Layout, spec: Spec | None, cipher: TokenCipher) -> None:
        self.name = spec.name if spec else "sample"
        self.key = key
        self.layout = layout
        self.spec = spec
        self.owner = spec.owner if spec else ""
        self.drive: Drive | None = None
        self.refs: dict[str, str] = {}
        self.overlay: Overlay | None = None
        self.original_count = layout.folders + layout.files
        self._cipher = cipher
        self._plain = not layout.inherited_from  # every entry is the layout's own

    @property
    def count(self) -> int:
        """The number of ordinals; deleted items keep theirs."""
        return self.original_count + (self.overlay.added if self.overlay else 0)

    @property
    def drive_id(self) -> str | None:
        return self.drive.id if self.drive else None

    def editable(self) -> Overlay:
        """The overlay, which is made on the first change."""
        if self.overlay is None:
            self.overlay = Overlay(self.original_count, self.layout.inherited_from)
            self._plain = False
        return self.overlay

    def own(self, ordinal: int) -> Entry:
        """The item's own entry, without what it inherits from its folders."""
        changed = self.overlay.entries.get(ordinal) if self.overlay else None
        return changed or self.layout.entry(ordinal)

    def entry(self, ordinal: int) -> Entry:
        """The item's effective entry: in a private folder, for instance, it is private."""
        if self._plain:
            return self.layout.entry(ordinal)
        sources = self.overlay.inherited_from if self.overlay else self.layout.inherited_from
        own = self.own(ordinal)
        if not sources:
            return own
        return inherit(own, (self.own(each) for each in self.ancestors(ordinal) if each in sources))

    def exists(self, ordinal: int) -> bool:
        """Whether neither the item nor a folder above it was deleted."""
        if not 0 <= ordinal < self.count:
            return False
        if self.overlay is None or not self.overlay.deleted:
            return True
        deleted = self.overlay.deleted
        return ordinal not in deleted and deleted.isdisjoint(self.ancestors(ordinal))

    def original_parent(self, ordinal: int) -> int | None:
        """The parent in the layout; None for the root and for added items."""
        return self.layout.parent(ordinal) if ordinal < self.original_count else None

    def parents(self, ordinal: int) -> tuple[int, ...]:
        """Usually one folder; none for the root."""
        if self.overlay and ordinal in self.overlay.parents:
            return self.overlay.parents[ordinal]
        parent = self.original_parent(ordinal)
        return () if parent is None else (parent,)

    def ancestors(self, ordinal: int) -> Iterator[int]:
        """The folders above an item, the nearest first; by the first parent if it has several."""
        while parents := self.parents(ordinal):
            ordinal = parents[0]
            yield ordinal

    def original_children(self, folders: Iterable[int]) -> list[range]:
        """The children of these folders in the layout: disjoint ranges of ordinals, in order."""
        original = [folder for folder in folders if folder < self.layout.folders]
        ranges = [self.layout.subfolders(folder) for folder in original]
        ranges += [self.layout.files_in(folder) for folder in original]
        return sorted(ranges, key=lambda each: each.start)

    def added_to(self, folders: Iterable[int] | None) -> Sequence[int]:
        """The ranks of items put into these folders later; None for all that were added."""
        return self.overlay.added_to(folders) if self.overlay else ()

    def rank(self, ordinal: int) -> int:
        """The item's position in Drive's order, newest first (see `overlay`)."""
        return self.overlay.rank(ordinal) if self.overlay else ordinal

    def ordinal(self, rank: int) -> int:
        return self.overlay.ordinal(rank) if self.overlay else rank

    def id(self, ordinal: int) -> str:
        """33 characters, like Drive's: a `1` and 32 of `[A-Za-z0-9_-]`."""
        if ordinal == 0 and self.drive is not None:
            return self.drive.id
        return "1" + self._cipher.encrypt(FILE_KEY.pack(self.key, ordinal))


class File:
    """A file or folder: its tree, its ordinal and its entry. Created on demand."""

    __slots__ = ("entry", "ordinal", "tree")

    def __init__(self, tree: Tree, ordinal: int) -> None:
        self.tree = tree
        self.ordinal = ordinal
        self.entry: Entry = tree.entry(ordinal)

    @property
    def id(self) -> str:
        return self.tree.id(self.ordinal)

    @property
    def is_folder(self) -> bool:
        return self.entry.is_folder

    @property
    def drive_id(self) -> str | None:
        return self.tree.drive_id

    @property
    def parent_ids(self) -> tuple[str, ...]:
        """Usually one; none for a tree's root, whose own parent nobody can see."""
        return tuple(_folder_id(self.tree, each) for each in self.tree.parents(self.ordinal))

    @property
    def tag(self) -> bytes:
        """The unique part of its bytes, so that no two files are equal."""
        return b"%08x%08x%08x" % (self.tree.key, self.entry.extras.revision, self.ordinal)

    def checksum(self, kind: str) -> str | None:
        """`md5`, `sha1` or `sha256` in hex; None for an item without bytes."""
        blob = self.entry.blob
        if blob is None:
            return None
        digest = getattr(blob.rendered, kind).copy()
        digest.update(blob.container.suffix(self.tag))
        return str(digest.hexdigest())


@lru_cache(maxsize=4096)
def _folder_id(tree: Tree, ordinal: int) -> str:
    """The id of a folder; cached, because all of its children show it."""
    return tree.id(ordinal)
