"""A tree written down item by item: small, and as irregular as one likes."""

from dataclasses import dataclass, field

from drive_emulator.entry import FOLDER, PLAIN, Entry, Rare
from drive_emulator.layout import NEWEST_MS, sizes_known
from drive_emulator.overlay import covers_others, inherit


@dataclass(eq=False)
class FolderDraft:
    """A folder of a tree that is written down by hand; `files` from the newest to the oldest.

    `entry` is what it is in the end; where that is not given, it is made of the rest.
    """

    name: str
    files: list[Entry] = field(default_factory=list)
    folders: list["FolderDraft"] = field(default_factory=list)
    shared: bool = True
    trashed: bool = False
    rare: Rare = PLAIN
    modified_ms: int | None = None
    created_ms: int | None = None

    def entry(self, usual_ms: int) -> Entry:
        """As a folder of its own, made at `usual_ms` where nothing else is said."""
        modified = usual_ms if self.modified_ms is None else self.modified_ms
        created = modified if self.created_ms is None else self.created_ms
        return Entry(
            self.name, FOLDER, None, modified, created, self.shared, self.trashed, rare=self.rare
        )


class Listed:
    """A `Plan` made of drafts. `numbers` finds a draft's ordinal by `id(draft)`."""

    def __init__(self, root: FolderDraft) -> None:
        drafts, parents = _breadth_first(root)
        self.folders = len(drafts)
        self.numbers = {id(draft): number for number, draft in enumerate(drafts)}
        self._entries = [
            draft.entry(modified)
            for draft, modified in zip(drafts, _folder_times(len(drafts)), strict=True)
        ]
        self.covers = frozenset(
            number for number, folder in enumerate(self._entries) if covers_others(folder)
        )
        self._parents: list[int | None] = parents
        self._subfolders: list[range] = []
        self._files: list[range] = []
        opened = 1
        for number, draft in enumerate(drafts):
            self._subfolders.append(range(opened, opened + len(draft.folders)))
            opened += len(draft.folders)
            self._files.append(range(len(self._entries), len(self._entries) + len(draft.files)))
            self._entries += draft.files
            self._parents += [number] * len(draft.files)
        self.files = len(self._entries) - self.folders
        found = map(self._where_it_is, range(self.folders, len(self._entries)))
        self._pictures = [
            entry.stock
            for entry in found
            if entry.stock and entry.stock.is_image and anybody_can_fetch(entry)
        ]
        self.pictures = len(self._pictures)
        self.stocks = {id(stock): stock for stock in self._pictures}.values()

    def picture_bytes(self) -> int | None:
        if not sizes_known(self.stocks):
            return None
        return sum(stock.size for stock in self._pictures)

    def parent(self, ordinal: int) -> int | None:
        return self._parents[ordinal]

    def subfolders(self, folder: int) -> range:
        return self._subfolders[folder]

    def files_in(self, folder: int) -> range:
        return self._files[folder]

    def entry(self, ordinal: int) -> Entry:
        return self._entries[ordinal]

    def amend(self, ordinal: int, entry: Entry) -> None:
        """Before anybody saw it: shortcuts know their targets only once all have ordinals."""
        self._entries[ordinal] = entry

    def _where_it_is(self, ordinal: int) -> Entry:
        above = []
        parent = self._parents[ordinal]
        while parent is not None:
            above.append(self._entries[parent])
            parent = self._parents[parent]
        return inherit(self._entries[ordinal], iter(above))


def anybody_can_fetch(entry: Entry) -> bool:
    """Shared by link, not thrown away, and Drive would give the bytes, if there are any."""
    rare = entry.rare
    return entry.shared and not entry.trashed and rare.can_download and not rare.abusive


def _breadth_first(root: FolderDraft) -> tuple[list[FolderDraft], list[int | None]]:
    drafts = [root]
    parents: list[int | None] = [None]
    for number, draft in enumerate(drafts):  # grows while it is read
        drafts += draft.folders
        parents += [number] * len(draft.folders)
    return drafts, parents


def _folder_times(count: int) -> list[int]:
    return [NEWEST_MS + 86_400_000 - number * 60_000 for number in range(count)]
