"""Imports as the api shows them: the catalog's rows, the requests that only Kafka knows yet, and
what an import waits for.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.views.files import FileDetails, ImportFile, ManifestRow
from services.adapters.catalog.views.imports import FailedFolder, ImportPlace, ImportProgress
from services.adapters.kafka.tail import Tail
from services.api.import_cache import ImportCache, place_of
from services.api.problems import Problem
from services.api.waiting import NEEDED, limited_by, waiting_for
from services.api.worker_cache import WorkerCache
from services.core.errors import DOWNLOAD_QUOTA
from services.core.events import Priority, Waiting
from services.core.parked import ParkedFiles

FAILED_FOLDERS = 100
"""The most that one answer names; `folders_failed` counts them all."""
KAFKA_AWAY = Waiting(
    reason="kafka_unavailable",
    message="Kafka is not responding. The import continues automatically when Kafka is back.",
)


class Parked(Struct, frozen=True, kw_only=True):
    """The failed files that Google's download limit holds back. `after` is when they are retried
    automatically: by default, 24 hours after the import ended. It is null until the import has
    ended, and from 14 days after it was requested."""

    files: int
    reason: str = DOWNLOAD_QUOTA
    after: datetime | None
    how: str = (
        "They are retried automatically at the time in `after`. To retry them now, send "
        'POST /imports/{id}/retry with {"reason": "download_quota_exceeded"}.'
    )


class ImportView(ImportProgress, frozen=True, kw_only=True):
    """`waiting_for` is null unless the import stands still; `parked` is null if no file is.
    `limited_by` says what limits the speed while it moves, such as a slow line to the store.
    `priority` is as requested: with `bulk`, all other imports go first."""

    priority: Priority = Priority.NORMAL
    waiting_for: Waiting | None = None
    limited_by: Waiting | None = None
    parked: Parked | None = None


class ImportReport(ImportView, frozen=True, kw_only=True):
    failed_folders: Sequence[FailedFolder] = ()


@dataclass(frozen=True)
class ImportViews:
    """Every import that is known. Those that are not raise an `unknown_import` problem."""

    catalog: ReadsCatalog
    imports: ImportCache
    workers: Tail[WorkerCache]
    parked: ParkedFiles

    async def report(self, import_id: str) -> ImportReport:
        return (await self.reports([await self.progress(import_id)]))[import_id]

    async def reports(self, rows: Sequence[ImportProgress]) -> Mapping[str, ImportReport]:
        failed = [row.id for row in rows if row.folders_failed]
        found = await self.catalog.failed_folders(failed, limit=FAILED_FOLDERS) if failed else {}
        return {
            row.id: ImportReport(**self._fields(row), failed_folders=found.get(row.id, ()))
            for row in rows
        }

    async def live(
        self, ids: Collection[str], *, newest: int, most_open: int
    ) -> Mapping[str, ImportProgress]:
        """In one query: these imports, so many of the newest, and of those that are open."""
        requests = self.imports.newest(before=None, limit=newest) if newest else ()
        wanted = {*ids, *(request.import_id for request in requests)}
        rows = await self.catalog.live_imports(wanted, newest=newest, most_open=most_open)
        found = {id: self.imports.completed(id, rows.get(id)) for id in wanted | rows.keys()}
        return {id: row for id, row in found.items() if row is not None}

    def view(self, row: ImportProgress) -> ImportView:
        return ImportView(**self._fields(row))

    async def files(
        self,
        import_id: str,
        *,
        state: str | None,
        reason: str | None = None,
        after: str | None,
        limit: int,
    ) -> Sequence[ImportFile]:
        found = await self.catalog.import_files(
            import_id, state=state, reason=reason, after=after, limit=limit
        )
        if not found:
            await self.progress(import_id)
        return found

    async def every_file(
        self, import_id: str, *, in_store: bool
    ) -> AsyncIterator[Sequence[ManifestRow]]:
        await self.progress(import_id)
        async for page in self.catalog.every_file(import_id, in_store=in_store):
            yield page

    async def file(self, import_id: str, file_id: str) -> FileDetails:
        file = await self.catalog.import_file(import_id, file_id)
        if file is None:
            await self.progress(import_id)
            raise Problem("unknown_file", "This import has no file with this Drive id.")
        return file

    async def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportView]:
        """The catalog and the cache have the same order, so the first `limit` of each contain the
        first `limit` of all."""
        rows = {row.id: row for row in await self.catalog.imports(before=before, limit=limit)}
        requests = self.imports.newest(before=before, limit=limit)
        others = await self._by_id([r.import_id for r in requests if r.import_id not in rows])
        known = [self.imports.completed(id, row) or row for id, row in rows.items()]
        newest = sorted([*known, *others], key=place_of, reverse=True)[:limit]
        return [self.view(row) for row in newest]

    async def progress(self, import_id: str) -> ImportProgress:
        for row in await self._by_id([import_id]):
            return row
        raise unknown_import()

    async def _by_id(self, ids: Sequence[str]) -> Sequence[ImportProgress]:
        rows = await self.catalog.imports_by_id(ids) if ids else {}
        found = [self.imports.completed(id, rows.get(id)) for id in ids]
        return [row for row in found if row is not None]

    def _fields(self, row: ImportProgress) -> dict[str, Any]:
        waits = self._waiting_for(row)
        return asdict(row) | {
            "priority": self.imports.priority(row.id),
            "waiting_for": waits,
            "limited_by": None if waits else self._limited_by(row),
            "parked": self._parked(row),
        }

    def _parked(self, row: ImportProgress) -> Parked | None:
        """Counts from the end of the import, not from the newest failure: to find that one, the
        database would have to read all failures, and lists are polled every second."""
        files = row.failures.get(DOWNLOAD_QUOTA, 0)
        if not files:
            return None
        after = None
        # A cancelled import never comes back to life.
        if row.state == "completed_with_failures" and row.finished_at and row.requested_at:
            after = self.parked.due_at(row.requested_at, row.finished_at)
        return Parked(files=files, after=after)

    def _waiting_for(self, row: ImportProgress) -> Waiting | None:
        state = self.workers.state
        if state.trouble is not None:
            return KAFKA_AWAY if row.state in NEEDED else None
        now = datetime.now(UTC)
        return waiting_for(row, self.workers.view.newest(now), now) if state.caught_up else None

    def _limited_by(self, row: ImportProgress) -> Waiting | None:
        if row.state not in NEEDED:
            return None
        now = datetime.now(UTC)
        return limited_by(self.workers.view.newest(now), now)


def unknown_import() -> Problem:
    return Problem("unknown_import", "There is no import with this id.")
