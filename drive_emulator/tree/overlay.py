"""What differs from a tree's layout: changed, moved, added and deleted items, and nothing else.

Added items have the ordinals after the layout's. In listings they come first, the newest first, so
items are listed by rank: the ordinal of what was there from the start, and -1, -2, … of what was
added. What is listed already is never passed again, and no page token loses its place.
"""

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence

from drive_emulator.tree.entry import Entry

MAX_ADDED = 200_000


class Overlay:
    """`base` is how many ordinals the layout has; `covers` are the folders of `covers_others`."""

    def __init__(self, base: int, inherited_from: Iterable[int]) -> None:
        self._base = base
        self.inherited_from = set(inherited_from)
        self.entries: dict[int, Entry] = {}
        self.parents: dict[int, tuple[int, ...]] = {}
        self.deleted: set[int] = set()
        self.added = 0
        self._extras: dict[int, list[int]] = {}  # folder -> ranks of what was put there

    def change(self, ordinal: int, own: Entry) -> None:
        """The item is this from now on, as far as it is itself concerned."""
        self.entries[ordinal] = own
        if own.is_folder and affects_descendants(own):
            self.inherited_from.add(ordinal)
        else:
            self.inherited_from.discard(ordinal)

    def add(self, own: Entry, parents: Sequence[int]) -> int:
        """The ordinal of a new item."""
        ordinal = self._base + self.added
        self.added += 1
        self.change(ordinal, own)
        self.place(ordinal, parents, None)
        return ordinal

    def place(self, ordinal: int, parents: Sequence[int], laid_in: int | None) -> None:
        """The item is in these folders from now on; `laid_in` is where its layout has it."""
        rank = self.rank(ordinal)
        for folder in self.parents.get(ordinal, ()):
            if folder != laid_in:
                self._extras[folder].remove(rank)
        self.parents[ordinal] = tuple(parents)
        for folder in parents:
            if folder != laid_in:
                insort(self._extras.setdefault(folder, []), rank)

    def extras(self, folders: Iterable[int] | None) -> Sequence[int]:
        """Ranks of what was put into these folders, or of all that was added; in order."""
        if folders is None:
            return range(-self.added, 0)
        lists = [self._extras[folder] for folder in folders if folder in self._extras]
        if len(lists) == 1:
            return lists[0]
        return sorted({rank for each in lists for rank in each})

    def rank(self, ordinal: int) -> int:
        return ordinal if ordinal < self._base else self._base - 1 - ordinal

    def ordinal(self, rank: int) -> int:
        return rank if rank >= 0 else self._base - 1 - rank


def affects_descendants(folder: Entry) -> bool:
    """Whether what is in the folder is shared or trashed otherwise than it says itself."""
    extras = folder.extras
    return not folder.shared or folder.trashed or extras.own_access or bool(extras.shared_with)


def inherit(own: Entry, above: Iterator[Entry]) -> Entry:
    """An item as it is where it is: `above` are the folders over it, from the nearest up.

    In a trashed folder everything is trashed. Access comes from the folder, added to by names and
    cut by `shared=False`, up to the nearest that has its own.
    """
    shared, trashed, accounts = own.shared, own.trashed, own.extras.shared_with
    inherits = not own.extras.own_access
    for folder in above:
        trashed = trashed or folder.trashed
        if inherits:
            shared = shared and folder.shared
            accounts = accounts | folder.extras.shared_with
            inherits = not folder.extras.own_access
    if (shared, trashed, accounts) == (own.shared, own.trashed, own.extras.shared_with):
        return own
    return own._replace(shared=shared, trashed=trashed, extras=own.extras.with_accounts(accounts))
