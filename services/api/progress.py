"""Imports as the api shows them, from both sides: the catalog's rows, and the requests that only
Kafka knows yet.

Both lists have the same order, so the first `limit` of each contain the first `limit` of all.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import asdict, replace

from services.adapters.catalog import views
from services.adapters.kafka.tail import Tail
from services.api.problems import Problem
from services.api.waiting import KAFKA_AWAY, NEEDED, WorkerCache, waiting_for
from services.core.control import ControlState, ImportControls
from services.core.errors import DOWNLOAD_QUOTA
from services.core.events import ImportRequested, Message, Waiting

FAILED_FOLDERS = 100
"""The most that one answer names; `folders_failed` counts them all."""
STATES: Mapping[ControlState, views.ImportState] = {
    ControlState.RUNNING: "queued",
    ControlState.PAUSED: "paused",
    ControlState.CANCELLED: "cancelled",
}
QUOTA_LASTS = timedelta(hours=24)
"""How long Google withholds a file that too many people fetched (`drive-api.md` §1.7)."""
HOW = (
    "POST /import/google-drive with the same folderUrl. Only the parked files are fetched again; "
    "stored files are skipped."
)


class Parked(Struct, frozen=True, kw_only=True):
    """The files among `failed` that can be fetched later. `after` is when Google will have released
    them: 24 hours after the end of the import. It is null until the import has ended."""

    files: int
    reason: str = DOWNLOAD_QUOTA
    after: datetime | None
    how: str = HOW


class ImportView(views.ImportProgress, frozen=True, kw_only=True):
    """An import. `waiting_for` is null unless the import stands still; `parked` is null if no file
    can be fetched later."""

    waiting_for: Waiting | None = None
    parked: Parked | None = None


class ImportReport(ImportView, frozen=True, kw_only=True):
    """An import with at most 100 of the folders that could not be listed."""

    failed_folders: Sequence[views.FailedFolder] = ()


class ImportCache:
    """The imports that `imports.requested` tells of, so that an import is known before the indexer
    has written a row of it: requests, the control of every import, and folders seen.

    Requests are bounded: beyond `room` the oldest are evicted, which are in the database by then.
    Controls are never evicted. When folders no longer fit, every folder counts as seen.
    """

    def __init__(self, room: int = 50_000, folder_room: int = 200_000) -> None:
        self._room, self._folder_room = room, folder_room
        self._requests: dict[str, ImportRequested] = {}
        self._places: list[views.ImportPlace] = []
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
        return self._requests.get(import_id)

    def newest(self, *, before: views.ImportPlace | None, limit: int) -> Sequence[ImportRequested]:
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

    def completed(
        self, import_id: str, row: views.ImportProgress | None
    ) -> views.ImportProgress | None:
        """The row, with what was requested where the indexer has not written it yet."""
        request = self.request(import_id)
        if request is None:
            return row
        begun = views.ImportProgress(
            id=import_id,
            state=STATES[self._controls.of(import_id).state],
            folder_id=request.folder_id,
            folder_url=request.folder_url,
            requested_at=request.requested_at,
            updated_at=request.requested_at,
        )
        written = asdict(row) if row else {}
        return replace(begun, **{name: it for name, it in written.items() if it is not None})


class ImportViews:
    """Every import that is known, with what it waits for."""

    def __init__(
        self, catalog: views.ReadsCatalog, imports: ImportCache, workers: Tail[WorkerCache]
    ) -> None:
        self._catalog = catalog
        self._imports = imports
        self._workers = workers

    async def one(self, import_id: str) -> ImportView:
        """Raises an `unknown_import` problem."""
        rows = await self._by_id([import_id])
        if not rows:
            raise Problem("unknown_import", "No import has this id.")
        return self._view(rows[0])

    async def report(self, import_id: str) -> ImportReport:
        """As `one`, with the folders that could not be listed."""
        view = await self.one(import_id)
        if not view.folders_failed:
            return ImportReport(**asdict(view))
        folders = await self._catalog.failed_folders(import_id, limit=FAILED_FOLDERS)
        return ImportReport(**asdict(view), failed_folders=folders)

    async def files(
        self, import_id: str, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[views.ImportFile]:
        """As the catalog gives them; an `unknown_import` problem if there is no such import."""
        found = await self._catalog.import_files(import_id, state=state, after=after, limit=limit)
        if not found:
            await self.one(import_id)
        return found

    async def newest(self, *, before: views.ImportPlace | None, limit: int) -> Sequence[ImportView]:
        """Newest first, those older than `before`."""
        rows = {row.id: row for row in await self._catalog.imports(before=before, limit=limit)}
        requests = self._imports.newest(before=before, limit=limit)
        others = await self._by_id([r.import_id for r in requests if r.import_id not in rows])
        newest = sorted([*rows.values(), *others], key=place_of, reverse=True)[:limit]
        return [self._view(row) for row in newest]

    async def _by_id(self, ids: Sequence[str]) -> Sequence[views.ImportProgress]:
        """These imports, as far as either side knows them."""
        rows = await self._catalog.imports_by_id(ids) if ids else {}
        found = [self._imports.completed(id, rows.get(id)) for id in ids]
        return [row for row in found if row is not None]

    def _view(self, row: views.ImportProgress) -> ImportView:
        return ImportView(**asdict(row), waiting_for=self._waiting_for(row), parked=_parked(row))

    def _waiting_for(self, row: views.ImportProgress) -> Waiting | None:
        state = self._workers.state
        if state.trouble is not None:
            return KAFKA_AWAY if row.state in NEEDED else None
        now = datetime.now(UTC)
        return waiting_for(row, self._workers.view.newest(now), now) if state.caught_up else None


def place_of(one: ImportRequested | views.ImportProgress) -> views.ImportPlace:
    """Where an import stands in the list, which holds only those whose request is known."""
    assert one.requested_at is not None
    id = one.id if isinstance(one, views.ImportProgress) else one.import_id
    return views.ImportPlace(one.requested_at, id)


def _parked(row: views.ImportProgress) -> Parked | None:
    """Counts from the end of the import, not from the newest failure: to find that one, the
    database would have to read all failures, and lists are polled every second."""
    files = row.failures.get(DOWNLOAD_QUOTA, 0)
    if not files:
        return None
    ended = row.finished_at if row.state in views.ENDED_STATES else None
    return Parked(files=files, after=ended + QUOTA_LASTS if ended else None)
