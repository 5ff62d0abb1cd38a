"""The imports that `imports.requested` tells of, so that an import is known before the indexer has
written a row of it.

Requests are bounded: beyond `room` the oldest are evicted, which are in the database by then.
Controls are never evicted. When folders no longer fit, every folder counts as seen.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

from msgspec.structs import asdict, replace

from services.adapters.catalog.views import ImportPlace, ImportProgress, ImportState
from services.core.control import ControlState, ImportControls
from services.core.events import ImportRequested, Message

STATES: Mapping[ControlState, ImportState] = {
    ControlState.RUNNING: "queued",
    ControlState.PAUSED: "paused",
    ControlState.CANCELLED: "cancelled",
}


class ImportCache:
    """Requests by import id and by time, the control of every import, and folders seen."""

    def __init__(self, room: int = 50_000, folder_room: int = 200_000) -> None:
        self._room, self._folder_room = room, folder_room
        self._requests: dict[str, ImportRequested] = {}
        self._places: list[ImportPlace] = []
        self._folders: set[str] = set()
        self._controls = ImportControls()

    def apply(self, event: Message) -> None:
        """Take an event of `imports.requested`, in any order and any number of times."""
        if not isinstance(event, ImportRequested):
            self._controls.apply(event)
            return
        self.folder_seen(event.folder_id)
        known = self._requests.get(event.import_id)
        if known is not None:
            if event.requested_at >= known.requested_at:
                return  # the earliest request counts, as in the indexer
            self._places.remove(place_of(known))
        self._requests[event.import_id] = event
        insort(self._places, place_of(event))
        if len(self._places) > self._room:
            del self._requests[self._places.pop(0).id]

    def request(self, import_id: str) -> ImportRequested | None:
        """None for an import that is not known, or was evicted."""
        return self._requests.get(import_id)

    def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportRequested]:
        """Newest first, older than `before`."""
        end = len(self._places) if before is None else bisect_left(self._places, before)
        places = self._places[max(0, end - limit) : end]
        return [self._requests[id] for _, id in reversed(places)]

    def folder_seen(self, folder_id: str) -> bool:
        """Whether this folder was requested before. From now on it was."""
        if folder_id in self._folders or len(self._folders) >= self._folder_room:
            return True
        self._folders.add(folder_id)
        return False

    def completed(self, import_id: str, row: ImportProgress | None) -> ImportProgress | None:
        """The row, with what was requested where the indexer has not written it yet."""
        request = self.request(import_id)
        if request is None:
            return row
        begun = ImportProgress(
            id=import_id,
            state=STATES[self._controls.of(import_id).state],
            folder_id=request.folder_id,
            folder_url=request.folder_url,
            requested_at=request.requested_at,
            updated_at=request.requested_at,
        )
        written = asdict(row) if row else {}
        return replace(begun, **{name: it for name, it in written.items() if it is not None})


def place_of(request: ImportRequested) -> ImportPlace:
    return ImportPlace(request.requested_at, request.import_id)
