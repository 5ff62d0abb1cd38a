"""One tree, and one file of it: what the layout says, and what was changed since."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from struct import Struct
from typing import NamedTuple, Protocol

from drive_emulator.tree.entry import Entry
from drive_emulator.tree.layout import Layout
from drive_emulator.tree.overlay import Overlay, inherit
from drive_emulator.tree.token_cipher import TokenCipher

DRIVE_ID = re.compile(r"0A[A-Za-z0-9_-]{17}")
PLACE = Struct(">II")  # the tree's key, the ordinal in it


class Drive(NamedTuple):
    """A shared drive. Its id is that of its root folder too."""

    id: str
    name: str


class Spec(Protocol):
    """What trees are made of, whichever kind."""

    @property
    def name(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def owner(self) -> str: ...

    @property
    def title(self) -> str | None: ...

    @property
    def drive(self) -> str | None: ...


def title_of(spec: Spec) -> str:
    """The name of a tree's root: that of the shared drive that it is, if no other is given."""
    drive = None if spec.drive is None or DRIVE_ID.fullmatch(spec.drive) else spec.drive
    return spec.title or drive or spec.name


class Tree:
    """A root folder and all below it. `key` is 32 bits, from its name and seed."""

    def __init__(
        self, key: int, layout: Layout, name: str, spec: Spec | None, cipher: TokenCipher
    ) -> None:
        self.name = name
        self.key = key
        self.layout = layout
        self.spec = spec
        self.owner = spec.owner if spec else ""
        self.drive: Drive | None = None
        self.refs: dict[str, str] = {}
        """Ids, by what a written tree calls its items."""
        self.cipher = cipher
        self.overlay: Overlay | None = None
        self._base = layout.folders + layout.files
        self._plain = not layout.inherited_from

    @property
    def count(self) -> int:
        """Of ordinals: deleted items keep theirs."""
        return self._base + (self.overlay.added if self.overlay else 0)

    @property
    def drive_id(self) -> str | None:
        """Of the shared drive that it is."""
        return self.drive.id if self.drive else None

    def ensure_overlay(self) -> Overlay:
        """The overlay, to change something in it."""
        if self.overlay is None:
            self.overlay = Overlay(self._base, self.layout.inherited_from)
            self._plain = False
        return self.overlay

    def own(self, ordinal: int) -> Entry:
        """The item as it is by itself, whatever its folders are."""
        changed = self.overlay.entries.get(ordinal) if self.overlay else None
        return changed or self.layout.entry(ordinal)

    def entry(self, ordinal: int) -> Entry:
        """The item as it is where it is: in a private folder it is private."""
        if self._plain:
            return self.layout.entry(ordinal)
        inherited_from = self.overlay.inherited_from if self.overlay else self.layout.inherited_from
        own = self.own(ordinal)
        if not inherited_from:
            return own
        return inherit(
            own, (self.own(each) for each in self.above(ordinal) if each in inherited_from)
        )

    def exists(self, ordinal: int) -> bool:
        """Neither it nor a folder over it was deleted."""
        if not 0 <= ordinal < self.count:
            return False
        if self.overlay is None or not self.overlay.deleted:
            return True
        deleted = self.overlay.deleted
        return ordinal not in deleted and deleted.isdisjoint(self.above(ordinal))

    def laid_in(self, ordinal: int) -> int | None:
        """The folder in which its layout has it: None for the root and for what was added."""
        return self.layout.parent(ordinal) if ordinal < self._base else None

    def parents(self, ordinal: int) -> tuple[int, ...]:
        """One folder as a rule; none for the root."""
        if self.overlay and ordinal in self.overlay.parents:
            return self.overlay.parents[ordinal]
        parent = self.laid_in(ordinal)
        return () if parent is None else (parent,)

    def above(self, ordinal: int) -> Iterator[int]:
        """The folders over it, from the nearest up, by the first where there are several."""
        while parents := self.parents(ordinal):
            ordinal = parents[0]
            yield ordinal

    def laid(self, folders: Iterable[int]) -> list[range]:
        """Where the layout has the children of these folders: disjoint runs, in order."""
        here = [folder for folder in folders if folder < self.layout.folders]
        runs = [self.layout.subfolders(folder) for folder in here]
        runs += [self.layout.files_in(folder) for folder in here]
        return sorted(runs, key=lambda run: run.start)

    def put(self, folders: Iterable[int] | None) -> Sequence[int]:
        """Ranks of what came into these folders later; None: of all that was added."""
        return self.overlay.extras(folders) if self.overlay else ()

    def rank(self, ordinal: int) -> int:
        """Its place in Drive's order, the newest first."""
        return self.overlay.rank(ordinal) if self.overlay else ordinal

    def ordinal(self, rank: int) -> int:
        return self.overlay.ordinal(rank) if self.overlay else rank

    def id(self, ordinal: int) -> str:
        """33 characters, as Drive's are: a `1` and 32 of `[A-Za-z0-9_-]`."""
        if ordinal == 0 and self.drive is not None:
            return self.drive.id
        return "1" + self.cipher.close(PLACE.pack(self.key, ordinal))


class File:
    """One file or folder: its tree, its ordinal, and what is there. Made when it is asked for."""

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
        """The shared drive that it is in."""
        return self.tree.drive_id

    @property
    def parent_ids(self) -> tuple[str, ...]:
        """One as a rule. None for the root of a tree: its own is nobody's to see."""
        return tuple(_folder_id(self.tree, each) for each in self.tree.parents(self.ordinal))

    @property
    def parent_id(self) -> str | None:
        """The first of them."""
        return next(iter(self.parent_ids), None)

    @property
    def tag(self) -> bytes:
        """What its last bytes say, so that no two files of all trees are equal."""
        return b"%08x%08x%08x" % (self.tree.key, self.entry.extras.revision, self.ordinal)

    def checksum(self, kind: str) -> str | None:
        """`md5`, `sha1` or `sha256` in hex; None for what has no bytes."""
        blob = self.entry.blob
        if blob is None:
            return None
        state = getattr(blob.contents, kind).copy()
        state.update(blob.container.suffix(self.tag))
        return str(state.hexdigest())


@lru_cache(maxsize=4096)
def _folder_id(tree: Tree, ordinal: int) -> str:
    """As `Tree.id`, for folders, which all of their children ask for."""
    return tree.id(ordinal)
