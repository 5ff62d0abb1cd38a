"""Imports as the api shows them, from both sides: the catalog's rows, and the requests that only
Kafka knows yet.

Both lists have the same order, so the first `limit` of each contain the first `limit` of all.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import asdict

from services.adapters.catalog.views import (
    ENDED_STATES,
    FailedFolder,
    ImportFile,
    ImportPlace,
    ImportProgress,
    ReadsCatalog,
)
from services.adapters.kafka.tail import Tail
from services.api.import_cache import ImportCache
from services.api.problems import Problem
from services.api.waiting import KAFKA_AWAY, NEEDED, WorkerCache, waiting_for
from services.core.events import Waiting
from services.core.reasons import DOWNLOAD_QUOTA

FAILED_FOLDERS = 100
"""The most that one answer names; `folders_failed` counts them all."""
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


class ImportView(ImportProgress, frozen=True, kw_only=True):
    """An import. `waiting_for` is null unless the import stands still; `parked` is null if no file
    can be fetched later."""

    waiting_for: Waiting | None = None
    parked: Parked | None = None


class ImportReport(ImportView, frozen=True, kw_only=True):
    """An import with at most 100 of the folders that could not be listed."""

    failed_folders: Sequence[FailedFolder] = ()


class ImportViews:
    """Every import that is known, with what it waits for."""

    def __init__(
        self, catalog: ReadsCatalog, imports: ImportCache, workers: Tail[WorkerCache]
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
    ) -> Sequence[ImportFile]:
        """As the catalog gives them; an `unknown_import` problem if there is no such import."""
        found = await self._catalog.import_files(import_id, state=state, after=after, limit=limit)
        if not found:
            await self.one(import_id)
        return found

    async def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportView]:
        """Newest first, those older than `before`."""
        rows = {row.id: row for row in await self._catalog.imports(before=before, limit=limit)}
        requests = self._imports.newest(before=before, limit=limit)
        others = await self._by_id([r.import_id for r in requests if r.import_id not in rows])
        newest = sorted([*rows.values(), *others], key=place_of, reverse=True)[:limit]
        return [self._view(row) for row in newest]

    async def _by_id(self, ids: Sequence[str]) -> Sequence[ImportProgress]:
        """These imports, as far as either side knows them."""
        rows = await self._catalog.imports_by_id(ids) if ids else {}
        found = [self._imports.completed(id, rows.get(id)) for id in ids]
        return [row for row in found if row is not None]

    def _view(self, row: ImportProgress) -> ImportView:
        return ImportView(**asdict(row), waiting_for=self._waiting_for(row), parked=_parked(row))

    def _waiting_for(self, row: ImportProgress) -> Waiting | None:
        state = self._workers.state
        if state.trouble is not None:
            return KAFKA_AWAY if row.state in NEEDED else None
        now = datetime.now(UTC)
        return waiting_for(row, self._workers.view.newest(now), now) if state.caught_up else None


def place_of(row: ImportProgress) -> ImportPlace:
    """Where a row stands in the list, which holds only imports whose request is known."""
    assert row.requested_at is not None
    return ImportPlace(row.requested_at, row.id)


def _parked(row: ImportProgress) -> Parked | None:
    """Counts from the end of the import, not from the newest failure: to find that one, the
    database would have to read all failures, and lists are polled every second."""
    files = row.failures.get(DOWNLOAD_QUOTA, 0)
    if not files:
        return None
    ended = row.finished_at if row.state in ENDED_STATES else None
    return Parked(files=files, after=ended + QUOTA_LASTS if ended else None)
