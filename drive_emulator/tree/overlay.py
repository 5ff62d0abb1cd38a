"""What was changed in a tree since it was laid out: changed, moved, added and deleted items.

Added items get ordinals after the layout's. Listings show them first, newest first. So listings go
by rank: an original item's rank is its ordinal, and added items have -1, -2, and so on. A listing
in progress never passes an item twice, and its page tokens stay valid.
"""

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence

from drive_emulator.tree.entry import Entry

MAX_ADDED = 200_000


class Overlay:
    """`base` is the layout's number of ordinals.

    `inherited_from` are the folders whose `affects_descendants` is true.
    """

    def __init__(self, base: int, inherited_from: Iterable[int]) -> None:
        self._base = base
        self.inherited_from = set(inherited_from)
        self.entries: dict[int, Entry] = {}
        self.parents: dict[int, tuple[int, ...]] = {}
        self.deleted: set[int] = set()
        self.added = 0
        self._added_to: dict[int, list[int]] = {}  # folder -> ranks of items put there

    def change(self, ordinal: int, own: Entry) -> None:
        self.entries[ordinal] = own
        if own.is_folder and affects_descendants(own):
            self.inherited_from.add(ordinal)
        else:
            self.inherited_from.discard(ordinal)

    def add(self, own: Entry, parents: Sequence[int]) -> int:
        ordinal = self._base + self.added
        self.added += 1
        self.change(ordinal, own)
        self.set_parents(ordinal, parents, None)
        return ordinal

    def set_parents(self, ordinal: int, parents: Sequence[int], original: int | None) -> None:
        """Move the item into these folders; `original` is its parent in the layout."""
        rank = self.rank(ordinal)
        for folder in self.parents.get(ordinal, ()):
            if folder != original:
                self._added_to[folder].remove(rank)
        self.parents[ordinal] = tuple(parents)
        for folder in parents:
            if folder != original:
                insort(self._added_to.setdefault(folder, []), rank)

    def added_to(self, folders: Iterable[int] | None) -> Sequence[int]:
        """The ranks of items put into these folders, or of all that were added; in order."""
        if folders is None:
            return range(-self.added, 0)
        lists = [self._added_to[folder] for folder in folders if folder in self._added_to]
        if len(lists) == 1:
            return lists[0]
        return sorted({rank for each in lists for rank in each})

    def rank(self, ordinal: int) -> int:
        return ordinal if ordinal < self._base else self._base - 1 - ordinal

    def ordinal(self, rank: int) -> int:
        return rank if rank >= 0 else self._base - 1 - rank


def affects_descendants(folder: Entry) -> bool:
    """Whether items in the folder are shared or trashed differently than they say themselves."""
    extras = folder.extras
    return not folder.shared or folder.trashed or extras.own_access or bool(extras.shared_with)


def inherit(own: Entry, ancestors: Iterator[Entry]) -> Entry:
    """The effective entry of an item; `ancestors` are its folders, the nearest first.

    Everything in a trashed folder is trashed. Access is inherited up to the nearest folder with
    access of its own: accounts are added, and `shared=False` takes the link's access away.
    """
    shared, trashed, accounts = own.shared, own.trashed, own.extras.shared_with
    inherits = not own.extras.own_access
    for folder in ancestors:
        trashed = trashed or folder.trashed
        if inherits:
            shared = shared and folder.shared
            accounts = accounts | folder.extras.shared_with
            inherits = not folder.extras.own_access
    if accounts != own.extras.shared_with:
        own = own.with_extras(shared_with=accounts)
    if (shared, trashed) == (own.shared, own.trashed):
        return own
    return own._replace(shared=shared, trashed=trashed)
