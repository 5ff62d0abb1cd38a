"""All trees: files are found by id, by folder, or in order; almost none of them is stored."""

import binascii
from collections.abc import Callable, Iterator
from hashlib import blake2b
from time import time

from drive_emulator.auth.caller import Caller
from drive_emulator.content.blobs import BlobCache
from drive_emulator.tree.entry import Entry
from drive_emulator.tree.explicit_layout import TreeBuilder
from drive_emulator.tree.explicit_spec import DRIVE_ID, BadTree
from drive_emulator.tree.generated import GeneratedTreeSpec, generate
from drive_emulator.tree.hostile import hostile
from drive_emulator.tree.mutations import Mutation, Mutations
from drive_emulator.tree.sample import sample
from drive_emulator.tree.token_cipher import TokenCipher
from drive_emulator.tree.tree import FILE_KEY, Drive, File, Layout, Spec, Tree

MAX_TREES = 1_000


def _has_access_by_name(file: File, caller: Caller) -> bool:
    account = caller.account
    owner, shared_with = file.tree.owner, file.entry.extras.shared_with
    return bool(account) and (account == owner or account in shared_with)


class TreeStore:
    """The built-in trees and those that were added. `now` gives seconds, for times of changes."""

    def __init__(self, seed: int, now: Callable[[], float] = time) -> None:
        self.seed = seed
        self.now = now
        self.cipher = TokenCipher(b"drive emulator %d" % seed)
        self._cache = BlobCache()
        self._trees: dict[int, Tree] = {}
        self._mutations = Mutations(self.find, self._cache, lambda: round(self.now() * 1000))
        first = self._add(sample(self._cache, seed), None)
        texts = (file for file in self.downloads(first) if file.entry.mime_type == "text/plain")
        self.add(hostile(next(texts)))

    @property
    def trees(self) -> list[Tree]:
        """In the order in which they were added, the sample first."""
        return list(self._trees.values())

    def tree(self, name: str) -> Tree | None:
        return next((tree for tree in self._trees.values() if tree.name == name), None)

    def add(self, spec: Spec) -> Tree:
        """Add a tree, or return the existing one with the same specification.

        Raises `BadTree`.
        """
        existing = self.tree(spec.name)
        if existing is not None:
            if existing.spec == spec:
                return existing
            raise BadTree(f"another tree is called {spec.name!r}")
        if len(self._trees) >= MAX_TREES:
            raise BadTree(f"there can be {MAX_TREES} trees at most")
        if isinstance(spec, GeneratedTreeSpec):
            return self._add(generate(spec, self._cache, self.seed), spec)
        builder = TreeBuilder(spec, self._cache)
        tree = self._add(builder.layout, spec)
        try:
            builder.resolve_shortcuts(tree.id, self._find_entry)
        except BadTree:
            del self._trees[tree.key]
            raise
        for ordinal, parents in builder.parents.items():
            tree.editable().set_parents(ordinal, parents, builder.layout.parent(ordinal))
        tree.refs = {ref: tree.id(ordinal) for ref, ordinal in builder.refs().items()}
        return tree

    def mutate(self, mutation: Mutation) -> File:
        """Change an item and return it; raises `BadMutation`, and then nothing has changed."""
        return self._mutations.apply(mutation)

    def find(self, file_id: str) -> File | None:
        """The file with this id, whether or not it is shared."""
        if len(file_id) == 19:
            drives = (tree for tree in self._trees.values() if tree.drive)
            return next((File(tree, 0) for tree in drives if tree.id(0) == file_id), None)
        if len(file_id) != 33 or file_id[0] != "1":
            return None
        payload = self.cipher.decrypt(file_id[1:])
        if payload is None:
            return None
        key, ordinal = FILE_KEY.unpack(payload)
        tree = self._trees.get(key)
        return File(tree, ordinal) if tree and tree.exists(ordinal) else None

    def listed(self, file: File, caller: Caller, *, all_drives: bool) -> bool:
        """Whether a listing shows the file. Resource keys do not matter: listings reveal them."""
        if file.drive_id and not all_drives:
            return False
        return file.entry.shared or _has_access_by_name(file, caller)

    def visible(self, file: File, caller: Caller, *, all_drives: bool) -> bool:
        """Whether the caller can get the file by its id.

        `all_drives`: the request has supportsAllDrives (a listing: and includeItemsFromAllDrives).
        A caller who only has the link needs the resource key if there is one; a caller who was
        given access by name does not.
        """
        if not self.listed(file, caller, all_drives=all_drives):
            return False
        key = file.entry.extras.resource_key
        if key is None or caller.resource_keys.get(file.id) == key:
            return True
        return _has_access_by_name(file, caller)

    def downloads(self, tree: Tree) -> Iterator[File]:
        """Every file that an importer of the tree's folder has to end up with, in order.

        These are the tree's files with bytes that can be reached from its root through visible
        folders, and that anybody can download (with the resource keys that listings reveal). The
        target of a shortcut is among them only if it is in this tree itself.
        """
        for ordinal in range(tree.count):
            file = File(tree, ordinal)
            if file.entry.blob and file.entry.downloadable_by_anybody and self._is_reachable(file):
                yield file

    def _is_reachable(self, file: File) -> bool:
        tree = file.tree
        if not tree.layout.inherited_from and tree.overlay is None:
            return True
        above = [file.ordinal] if tree.exists(file.ordinal) else []
        for ordinal in above:  # grows while it is read: old items can lie in several folders
            if ordinal == 0:
                return True
            folders = [(each, tree.entry(each)) for each in tree.parents(ordinal)]
            above += [each for each, entry in folders if entry.shared and not entry.trashed]
        return False

    def path(self, file: File) -> str:
        """The names from below the root to the file, joined by `/`; slashes in them are kept."""
        folders = [each for each in file.tree.ancestors(file.ordinal) if each]
        names = [file.entry.name, *(file.tree.own(each).name for each in folders)]
        return "/".join(reversed(names))

    def _find_entry(self, file_id: str) -> Entry | None:
        found = self.find(file_id)
        return found.entry if found else None

    def _add(self, layout: Layout, spec: Spec | None) -> Tree:
        name, seed = (spec.name, spec.seed) if spec else ("sample", 0)
        key = int.from_bytes(blake2b(f"{name}/{seed}".encode(), digest_size=4).digest())
        if key in self._trees:
            other = self._trees[key].name
            raise BadTree(f"the name {name!r} collides with {other!r}: choose another")
        tree = Tree(key, layout, spec, self.cipher)
        if spec is not None and spec.drive is not None:
            tree.drive = self._drive(spec.drive, key)
        self._trees[key] = tree
        return tree

    def _drive(self, name_or_id: str, key: int) -> Drive:
        """A shared drive; ids have 19 characters: 0A, 13 of its alphabet, 9PVA."""
        digest = binascii.b2a_base64(blake2b(b"%08x" % key, digest_size=10).digest())[:13].decode()
        generated = f"0A{digest.replace('+', '-').replace('/', '_')}9PVA"
        drive = Drive(name_or_id if DRIVE_ID.fullmatch(name_or_id) else generated, name_or_id)
        others = [tree.drive for tree in self.trees if tree.drive]
        if any(drive.id == other.id or drive.name == other.name for other in others):
            raise BadTree(f"another tree is the shared drive {name_or_id[:60]!r}")
        return drive
