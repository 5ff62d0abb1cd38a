"""Every file there is: found by id, by folder, or in order; next to none of them stored."""

import binascii
from collections.abc import Callable, Iterator
from hashlib import blake2b
from time import time

from drive_emulator.auth.caller import Caller
from drive_emulator.content.blobs import BlobCache
from drive_emulator.tree.entry import Entry
from drive_emulator.tree.explicit_layout import TreeBuilder, anybody_can_fetch
from drive_emulator.tree.explicit_spec import BadTree, ExplicitTreeSpec
from drive_emulator.tree.generated import GeneratedTreeSpec, plan
from drive_emulator.tree.hostile import hostile
from drive_emulator.tree.layout import Layout
from drive_emulator.tree.mutations import Change, Mutations
from drive_emulator.tree.sample import sample
from drive_emulator.tree.token_cipher import TokenCipher
from drive_emulator.tree.tree import DRIVE_ID, PLACE, Drive, File, Tree

__all__ = ["File", "Forest", "Tree"]

MAX_TREES = 1_000


def _has_direct_access(file: File, caller: Caller) -> bool:
    account = caller.account
    return bool(account) and (
        account == file.tree.owner or account in file.entry.extras.shared_with
    )


class TreeStore:
    """The built-in trees and those that were added."""

    def __init__(self, seed: int, now: Callable[[], float] = time) -> None:
        self.seed = seed
        self.now = now
        """Seconds since 1970: when what is added or replaced was so."""
        self.cipher = TokenCipher(b"drive emulator %d" % seed)
        self._blobs = BlobCache()
        self._trees: dict[int, Tree] = {}
        self._mutations = Mutations(self.find, self._blobs, lambda: round(self.now() * 1000))
        first = self._plant("sample", sample(self._blobs, seed))
        papers = (file for file in self.downloads(first) if file.entry.mime_type == "text/plain")
        self.add(hostile(next(papers)))

    @property
    def trees(self) -> list[Tree]:
        """In the order in which they were added, the sample first."""
        return list(self._trees.values())

    def tree(self, name: str) -> Tree | None:
        return next((tree for tree in self._trees.values() if tree.name == name), None)

    def drives(self) -> list[Drive]:
        """Every shared drive, in the order of their trees."""
        return [tree.drive for tree in self._trees.values() if tree.drive is not None]

    def add(self, spec: GeneratedTreeSpec | ExplicitTreeSpec) -> Tree:
        """A new tree, or the one that is there if it was made of the same specification."""
        known = self.tree(spec.name)
        if known is not None:
            if known.spec == spec:
                return known
            raise BadTree(f"another tree is called {spec.name!r}")
        if len(self._trees) >= MAX_TREES:
            raise BadTree(f"there are {MAX_TREES} trees already")
        if isinstance(spec, GeneratedTreeSpec):
            return self._plant(spec.name, plan(spec, self._blobs, self.seed), spec)
        draft = TreeBuilder(spec, self._blobs)
        tree = self._plant(spec.name, draft.layout, spec)
        try:
            draft.aim(tree.id, self._described)
        except BadTree:
            del self._trees[tree.key]
            raise
        for ordinal, parents in draft.parents.items():
            tree.ensure_overlay().place(ordinal, parents, draft.layout.parent(ordinal))
        tree.refs = {ref: tree.id(ordinal) for ref, ordinal in draft.refs().items()}
        return tree

    def file(self, tree: Tree, ordinal: int) -> File:
        return File(tree, ordinal)

    def mutate(self, change: Change) -> File:
        """The item as it is afterwards; raises `BadChange`, and then nothing has changed."""
        return self._mutations.make(change)

    def find(self, wanted: str) -> File | None:
        """The file of an id, whether or not it is shared."""
        if len(wanted) == 19:
            drives = (tree for tree in self._trees.values() if tree.drive)
            return next((File(tree, 0) for tree in drives if tree.id(0) == wanted), None)
        if len(wanted) != 33 or wanted[0] != "1":
            return None
        payload = self.cipher.open(wanted[1:])
        if payload is None:
            return None
        key, ordinal = PLACE.unpack(payload)
        tree = self._trees.get(key)
        return File(tree, ordinal) if tree and tree.exists(ordinal) else None

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
        key = file.entry.extras.resource_key
        if key is None or caller.resource_keys.get(file.id) == key:
            return True
        return _has_direct_access(file, caller)

    def downloads(self, tree: Tree) -> Iterator[File]:
        """Every file with bytes that an importer of the tree's folder has to end up with, in order.

        Those are the files of this tree that are found below its root, through folders that
        anybody can see, and that anybody can fetch (with their resource keys, which listings tell).
        What shortcuts point at is among them only if it is in this tree itself.
        """
        for ordinal in range(tree.count):
            file = File(tree, ordinal)
            entry = file.entry
            if entry.blob and anybody_can_fetch(entry) and self._is_reachable(file):
                yield file

    def _is_reachable(self, file: File) -> bool:
        tree = file.tree
        if not tree.layout.inherited_from and tree.overlay is None:
            return True
        above = list(tree.above(file.ordinal))
        if not tree.exists(file.ordinal) or above[-1:] != [0]:
            return False
        entries = map(tree.entry, above)
        return all(folder.shared and not folder.trashed for folder in entries)

    def path(self, file: File) -> str:
        """The names from below the root down to the file, joined by `/`, slashes in them kept."""
        above = [each for each in file.tree.above(file.ordinal) if each]
        names = [file.entry.name, *(file.tree.own(each).name for each in above)]
        return "/".join(reversed(names))

    def _described(self, wanted: str) -> Entry | None:
        found = self.find(wanted)
        return found.entry if found else None

    def _plant(
        self, name: str, layout: Layout, spec: GeneratedTreeSpec | ExplicitTreeSpec | None = None
    ) -> Tree:
        seed = spec.seed if spec else 0
        key = int.from_bytes(blake2b(f"{name}/{seed}".encode(), digest_size=4).digest())
        if key in self._trees:
            raise BadTree(
                f"the name {name!r} collides with {self._trees[key].name!r}: take another"
            )
        tree = Tree(key, layout, name, spec, self.cipher)
        if spec is not None and spec.drive is not None:
            tree.drive = self._drive(spec.drive, key)
        self._trees[key] = tree
        return tree

    def _drive(self, wanted: str, key: int) -> Drive:
        """Drive's ids of shared drives are 19 characters: 0A, 13 of its alphabet, 9PVA."""
        made = binascii.b2a_base64(blake2b(b"%08x" % key, digest_size=10).digest())[:13].decode()
        made = f"0A{made.replace('+', '-').replace('/', '_')}9PVA"
        drive = Drive(wanted if DRIVE_ID.fullmatch(wanted) else made, wanted)
        if any(drive.id == other.id or drive.name == other.name for other in self.drives()):
            raise BadTree(f"another tree is the shared drive {wanted[:60]!r}: a drive is one tree")
        return drive
