"""The imports that `imports.requested` tells of, so that an import is known before the indexer has
written a row of it.

Requests are bounded: beyond `room` the oldest are evicted, which are in the database by then.
Controls are never evicted. When folders no longer fit, every folder counts as seen.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from services.adapters.catalog.views import ImportPlace, ImportProgress, ImportState
from services.core import events as e
from services.core.control import ControlState, ImportControl, ImportControls

STATES: Mapping[ControlState, ImportState] = {
    ControlState.RUNNING: "queued",
    ControlState.PAUSED: "paused",
    ControlState.CANCELLED: "cancelled",
}


class ImportCache:
    """Requests by import id and by time, the control of every import, and folders seen."""

    def __init__(self, room: int = 50_000, folder_room: int = 200_000) -> None:
        self._room, self._folder_room = room, folder_room
        self._requests: dict[str, e.ImportRequested] = {}
        self._places: list[ImportPlace] = []
        self._folders: set[str] = set()
        self._controls = ImportControls()

    def apply(self, event: e.Message) -> None:
        """Take an event of `imports.requested`, in any order and any number of times."""
        if isinstance(event, e.ImportRequested):
            self._add(event)
        else:
            self._controls.apply(event)

    def request(self, import_id: str) -> e.ImportRequested | None:
        """The request of this import, or None."""
        return self._requests.get(import_id)

    def control(self, import_id: str) -> ImportControl:
        """The control that the import is under now, also after its request was evicted."""
        return self._controls.of(import_id)

    def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[e.ImportRequested]:
        """Newest first, older than `before`."""
        end = len(self._places) if before is None else bisect_left(self._places, before)
        places = self._places[max(0, end - limit) : end]
        return [self._requests[id] for _, id in reversed(places)]

    def folder_seen(self, folder_id: str) -> bool:
        """Whether this folder was requested before. From now on it was."""
        if folder_id in self._folders:
            return True
        if len(self._folders) >= self._folder_room:
            return True
        self._folders.add(folder_id)
        return False

    def not_begun(self, request: e.ImportRequested) -> ImportProgress:
        """The import as it looks before the indexer has written a row of it."""
        return ImportProgress(
            id=request.import_id,
            state=STATES[self.control(request.import_id).state],
            folder_id=request.folder_id,
            folder_url=request.folder_url,
            requested_at=request.requested_at,
            updated_at=request.requested_at,
        )

    def _add(self, request: e.ImportRequested) -> None:
        self.folder_seen(request.folder_id)
        known = self._requests.get(request.import_id)
        if known is not None:
            if request.requested_at >= known.requested_at:
                return  # the earliest request counts, as in the indexer
            self._places.remove(place_of(known))
        self._requests[request.import_id] = request
        insort(self._places, place_of(request))
        if len(self._places) > self._room:
            del self._requests[self._places.pop(0).id]


def place_of(request: e.ImportRequested) -> ImportPlace:
    """Where a request stands in the list of imports."""
    return ImportPlace(request.requested_at, request.import_id)


def completed(row: ImportProgress, request: e.ImportRequested | None) -> ImportProgress:
    """The row, with what was requested where the indexer has not met the request yet."""
    if request is None or row.requested_at is not None:
        return row
    return replace(
        row,
        folder_id=request.folder_id,
        folder_url=request.folder_url,
        requested_at=request.requested_at,
        updated_at=row.updated_at or request.requested_at,
    )
