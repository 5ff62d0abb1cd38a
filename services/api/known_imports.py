"""The imports that `imports.requested` tells of: known before, and without, the indexer.

Filled by the tail's thread and read by the event loop, hence the lock. Bounded: beyond `room` the
oldest are forgotten, which by then are in the database; folders beyond theirs count as seen.
"""

import threading
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from services.adapters.catalog.views import ImportPlace, ImportProgress, ImportState
from services.core import events as e

Control = e.ImportPaused | e.ImportResumed | e.ImportCancelled | e.ImportStalled
STATES: Mapping[type[Control], ImportState] = {
    e.ImportPaused: "paused",
    e.ImportCancelled: "cancelled",
}


@dataclass(frozen=True)
class KnownImport:
    """A request, and the newest control event about it."""

    request: e.ImportRequested
    control: Control | None = None

    @property
    def place(self) -> ImportPlace:
        """Where it stands among the imports."""
        return ImportPlace(self.request.requested_at, self.request.import_id)


class KnownImports:
    """What was asked of every import, by id and by time."""

    def __init__(self, room: int = 50_000, folder_room: int = 200_000) -> None:
        self._room, self._folder_room = room, folder_room
        self._lock = threading.Lock()
        self._by_id: dict[str, KnownImport] = {}
        self._places: list[ImportPlace] = []
        self._folders: set[str] = set()

    def add(self, event: e.Message) -> None:
        """Take an event of `imports.requested`, in any order and any number of times."""
        with self._lock:
            if isinstance(event, e.ImportRequested):
                self._add_request(event)
            elif isinstance(event, Control):
                self._add_control(event)

    def get(self, import_id: str) -> KnownImport | None:
        """The import of this id, or None."""
        with self._lock:
            return self._by_id.get(import_id)

    def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[KnownImport]:
        """Newest first, older than `before`."""
        with self._lock:
            end = len(self._places) if before is None else bisect_left(self._places, before)
            return [self._by_id[id] for _, id in reversed(self._places[max(0, end - limit) : end])]

    def meet(self, folder_id: str) -> bool:
        """Whether this folder was asked for before; from now on it was."""
        with self._lock:
            if folder_id in self._folders:
                return True
            return not self._remember(folder_id)

    def _remember(self, folder_id: str) -> bool:
        """False when there is no room: what was seen cannot be told, so all counts as seen."""
        if len(self._folders) >= self._folder_room:
            return False
        self._folders.add(folder_id)
        return True

    def _add_request(self, event: e.ImportRequested) -> None:
        self._remember(event.folder_id)
        known = self._by_id.get(event.import_id)
        if known is not None:
            if event.requested_at >= known.request.requested_at:
                return  # the earliest request counts, as in the indexer
            self._places.remove(known.place)
        fresh = KnownImport(event, known.control if known else None)
        self._by_id[event.import_id] = fresh
        insort(self._places, fresh.place)
        if len(self._places) > self._room:
            _, oldest = self._places.pop(0)
            del self._by_id[oldest]

    def _add_control(self, event: Control) -> None:
        known = self._by_id.get(event.import_id)
        if known and (known.control is None or event.epoch > known.control.epoch):
            self._by_id[event.import_id] = KnownImport(known.request, event)


def not_begun(known: KnownImport) -> ImportProgress:
    """An import as it looks before the indexer has written anything of it."""
    state = STATES.get(type(known.control), "queued") if known.control else "queued"
    return ImportProgress(
        id=known.request.import_id,
        state=state,
        folder_id=known.request.folder_id,
        folder_url=known.request.folder_url,
        requested_at=known.request.requested_at,
        updated_at=known.control.at if known.control else known.request.requested_at,
    )


def completed(row: ImportProgress, known: KnownImport | None) -> ImportProgress:
    """A row of the catalog, with what was asked where the catalog has not met the request yet."""
    if known is None or row.requested_at is not None:
        return row
    asked = known.request
    return replace(
        row,
        folder_id=asked.folder_id,
        folder_url=asked.folder_url,
        requested_at=asked.requested_at,
        updated_at=row.updated_at or asked.requested_at,
    )
