"""Every file there is: found by id, by folder, or in order; none of them stored."""

import struct
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b

from drive_emulator.caller import Caller
from drive_emulator.entry import Entry
from drive_emulator.hostile import hostile
from drive_emulator.layout import Plan
from drive_emulator.sample import sample
from drive_emulator.seal import Seal
from drive_emulator.stock import Shelf
from drive_emulator.trees import BadTree, TreeSpec, plan

MOST_TREES = 1_000
_PLACE = struct.Struct(">II")  # the tree's key, the ordinal in it


class Tree:
    """A root folder and all below it. `key` is 32 bits, from its name and seed."""

    def __init__(self, name: str, key: int, layout: Plan, spec: TreeSpec | None = None) -> None:
        self.name = name
        self.key = key
        self.layout = layout
        self.spec = spec
        self.count = layout.folders + layout.files
        self.drive_id: str | None = None
        self.owner = ""


class File:
    """One file or folder: its tree, its ordinal, and what is there. Made when it is asked for."""

    __slots__ = ("_seal", "entry", "ordinal", "tree")

    def __init__(self, tree: Tree, ordinal: int, seal: Seal) -> None:
        self.tree = tree
        self.ordinal = ordinal
        self.entry: Entry = tree.layout.entry(ordinal)
        self._seal = seal

    @property
    def id(self) -> str:
        """33 characters, as Drive's are: a `1` and 32 of `[A-Za-z0-9_-]`."""
        return file_id(self._seal, self.tree.key, self.ordinal)

    @property
    def is_folder(self) -> bool:
        return self.ordinal < self.tree.layout.folders

    @property
    def drive_id(self) -> str | None:
        """The shared drive that it is in."""
        return self.tree.drive_id

    @property
    def parent_id(self) -> str | None:
        """None for the root of a tree: its own parent is nobody's to see."""
        parent = self.tree.layout.parent(self.ordinal)
        return None if parent is None else _folder_id(self._seal, self.tree.key, parent)

    @property
    def tag(self) -> bytes:
        """What its last bytes say, so that no two files of all trees are equal."""
        return b"%08x%016x" % (self.tree.key, self.ordinal)

    def checksum(self, kind: str) -> str | None:
        """`md5`, `sha1` or `sha256` in hex; None for what has no bytes."""
        stock = self.entry.stock
        if stock is None:
            return None
        state = getattr(stock.contents, kind).copy()
        state.update(stock.container.suffix(self.tag))
        return str(state.hexdigest())


def _has_direct_access(file: File, caller: Caller) -> bool:
    account = caller.account
    return bool(account) and (account == file.tree.owner or account in file.entry.rare.shared_with)


def file_id(seal: Seal, tree: int, ordinal: int) -> str:
    """The same for the same seed, tree and ordinal, in every process."""
    return "1" + seal.close(_PLACE.pack(tree, ordinal))


@lru_cache(maxsize=4096)
def _folder_id(seal: Seal, tree: int, ordinal: int) -> str:
    """As `file_id`, for folders, which all of their children ask for."""
    return file_id(seal, tree, ordinal)


class Forest:
    """The built-in trees and those that were added."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.seal = Seal(b"drive emulator %d" % seed)
        self._shelf = Shelf()
        self._trees: dict[int, Tree] = {}
        self._plant("sample", sample(self._shelf, seed))
        self._plant("hostile", hostile(self._shelf))

    @property
    def trees(self) -> list[Tree]:
        """In the order in which they were added, the sample first."""
        return list(self._trees.values())

    def tree(self, name: str) -> Tree | None:
        return next((tree for tree in self._trees.values() if tree.name == name), None)

    def add(self, spec: TreeSpec) -> Tree:
        """A new tree, or the one that is there if it was made of the same specification."""
        known = self.tree(spec.name)
        if known is not None:
            if known.spec == spec:
                return known
            raise BadTree(f"another tree is called {spec.name!r}")
        if len(self._trees) >= MOST_TREES:
            raise BadTree(f"there are {MOST_TREES} trees already")
        return self._plant(spec.name, plan(spec, self._shelf, self.seed), spec)

    def file(self, tree: Tree, ordinal: int) -> File:
        return File(tree, ordinal, self.seal)

    def find(self, wanted: str) -> File | None:
        """The file of an id, whether or not it is shared."""
        if len(wanted) != 33 or wanted[0] != "1":
            return None
        payload = self.seal.open(wanted[1:])
        if payload is None:
            return None
        key, ordinal = _PLACE.unpack(payload)
        tree = self._trees.get(key)
        return File(tree, ordinal, self.seal) if tree and ordinal < tree.count else None

    def listed(self, file: File, caller: Caller, *, all_drives: bool) -> bool:
        """Whether a listing shows it: a keyed file too, for that is where its key is learned."""
        if file.drive_id and not all_drives:
            return False
        return file.entry.shared or _has_direct_access(file, caller)

    def visible(self, file: File, caller: Caller, *, all_drives: bool) -> bool:
        """Whether the caller can get it by its id.

        `all_drives`: the request said supportsAllDrives (a listing: includeItemsFromAllDrives too).
        Who has only the link needs the resource key as well, if there is one; who was given access
        by name needs none.
        """
        if not self.listed(file, caller, all_drives=all_drives):
            return False
        key = file.entry.rare.resource_key
        if key is None or caller.resource_keys.get(file.id) == key:
            return True
        return _has_direct_access(file, caller)

    def downloads(self, tree: Tree) -> Iterator[File]:
        """Every file with bytes that anybody may fetch and nobody threw away, in order."""
        for ordinal in range(tree.layout.folders, tree.count):
            file = self.file(tree, ordinal)
            if file.entry.stock and file.entry.shared and not file.entry.trashed:
                yield file

    def path(self, file: File) -> str:
        """The names from below the root down to the file, joined by `/`, slashes in them kept."""
        names = [file.entry.name]
        parent = file.tree.layout.parent(file.ordinal)
        while parent:  # neither None nor the root
            names.append(file.tree.layout.entry(parent).name)
            parent = file.tree.layout.parent(parent)
        return "/".join(reversed(names))

    def _plant(self, name: str, layout: Plan, spec: TreeSpec | None = None) -> Tree:
        seed = spec.seed if spec else 0
        key = int.from_bytes(blake2b(f"{name}/{seed}".encode(), digest_size=4).digest())
        if key in self._trees:
            raise BadTree(
                f"the name {name!r} collides with {self._trees[key].name!r}: take another"
            )
        tree = Tree(name, key, layout, spec)
        self._trees[key] = tree
        return tree
