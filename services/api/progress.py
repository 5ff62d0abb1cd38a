"""Imports as the api shows them: the catalog's rows, the requests that only Kafka knows yet, and
what an import waits for.

An import stands still when every worker of the kind that it needs waits, or when there is none. It
also stands still when no indexer can write what became of its files.
"""

import asyncio
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.views.files import FileDetails, ImportFile, ManifestRow
from services.adapters.catalog.views.imports import (
    ENDED_STATES,
    FailedFolder,
    ImportPlace,
    ImportProgress,
    ImportState,
)
from services.adapters.kafka.reader import Tail
from services.api.problems import Problem
from services.api.replay_cache import ReplayCache
from services.core.control import ControlState, ImportControls
from services.core.errors import DOWNLOAD_QUOTA
from services.core.events import (
    ImportRequested,
    Message,
    ReplayRequested,
    RetryRequested,
    Waiting,
    WorkerStatus,
)
from services.core.parked import ParkedFiles

FAILED_FOLDERS = 100
"""The most that one answer names; `folders_failed` counts them all."""
SILENT_AFTER = timedelta(seconds=30)
"""A worker publishes its status every 10 s: after three that are missing it counts as gone."""
ABSENT_AFTER = timedelta(seconds=15)
"""A service that is being restarted is not reported as missing."""
FORGET_AFTER = timedelta(minutes=10)
NEWEST_RECORDS = 5_000
"""Where a reader of `workers.status` begins: enough for the last minute of some hundred workers."""
NEEDED: Mapping[ImportState, str] = {
    "queued": "lister",
    "listing": "lister",
    "transferring": "transfer",
}
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
    `limited_by` says what limits the speed while it moves, such as a slow line to the store."""

    waiting_for: Waiting | None = None
    limited_by: Waiting | None = None
    parked: Parked | None = None


class ImportReport(ImportView, frozen=True, kw_only=True):
    failed_folders: Sequence[FailedFolder] = ()


class ImportCache:
    """What `imports.requested` tells, since an import is known before the indexer has a row of it.

    Beyond `room` the oldest requests are evicted, which are in the database by then. Controls are
    never evicted. `newest_round` is the highest that any retry or replay was given.
    """

    def __init__(self, room: int = 50_000) -> None:
        self._room = room
        self._requests: dict[str, ImportRequested] = {}
        self._in_order: list[ImportRequested] = []
        self._is_new = True
        self._controls = ImportControls()
        self.replays = ReplayCache(self._controls)
        self._taken: dict[str, dict[int, datetime]] = {}
        self._rounds: dict[str, int] = {}
        self._awaited: dict[Message, asyncio.Event] = {}
        self.newest_round = 0
        self.changed: Callable[[], None] = lambda: None
        """Called after each event."""

    def apply(self, event: Message) -> None:
        self._controls.apply(event)
        self.replays.apply(event)
        match event:
            case ImportRequested():
                self._add(event)
            case RetryRequested(import_id=id, round=round, at=at):
                taken = self._taken.setdefault(id, {})
                if round > max(taken, default=0):
                    taken[round] = at
                if event.last:
                    self._rounds[id] = max(round, self.retry_round(id))
                self.newest_round = max(round, self.newest_round)
            case ReplayRequested(round=round):
                self.newest_round = max(round, self.newest_round)
        if self._awaited and event in self._awaited:
            self._awaited[event].set()
        self.changed()

    @contextmanager
    def awaiting(self, event: Message) -> Iterator[asyncio.Event]:
        """It is set once this event has been applied."""
        applied = self._awaited[event] = asyncio.Event()
        try:
            yield applied
        finally:
            self._awaited.pop(event, None)

    def next_round(self, known: int = 0) -> int:
        """A round above `known` that nobody has used, and that no other request of this process
        will be given."""
        self.newest_round = max(known, self.newest_round) + 1
        return self.newest_round

    def retry_round(self, import_id: str) -> int:
        """The round of the newest retry of this import that is told whole, 0 without one."""
        return self._rounds.get(import_id, 0)

    def has_its_round(self, retry: RetryRequested) -> bool:
        """Whether no other retry of this import came before it in the log with the same round, or a
        higher one. A later one may have taken the next round meanwhile."""
        return self._taken.get(retry.import_id, {}).get(retry.round) == retry.at

    def _add(self, event: ImportRequested) -> None:
        self._is_new = False
        known = self._requests.get(event.import_id)
        if known is not None:
            if event.requested_at >= known.requested_at:
                return  # the earliest request counts, as in the indexer
            self._in_order.remove(known)
        self._requests[event.import_id] = event
        insort(self._in_order, event, key=place_of)
        if len(self._in_order) > self._room:
            del self._requests[self._in_order.pop(0).import_id]

    def request(self, import_id: str) -> ImportRequested | None:
        return self._requests.get(import_id)

    def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportRequested]:
        end = bisect_left(self._in_order, before, key=place_of) if before else len(self._in_order)
        return self._in_order[max(0, end - limit) : end][::-1]

    def begin(self) -> bool:
        """Whether nothing was requested before. From now on something was."""
        is_new, self._is_new = self._is_new, False
        return is_new

    def completed(self, import_id: str, row: ImportProgress | None) -> ImportProgress | None:
        """The row, with what was requested, controls and retries included, where the indexer has
        not written it yet."""
        request = self.request(import_id)
        if request is None:
            return None if row is None else self._controlled(row)
        begun = ImportProgress(
            id=import_id,
            state="queued",
            folder_id=request.folder_id,
            folder_url=request.folder_url,
            requested_at=request.requested_at,
            updated_at=request.requested_at,
        )
        written = asdict(row) if row else {}
        known = {name: it for name, it in written.items() if it is not None}
        return self._controlled(replace(begun, **known))

    def _controlled(self, row: ImportProgress) -> ImportProgress:
        control = self._controls.of(row.id)
        is_behind = control.epoch < row.epoch
        row = replace(row, epoch=max(control.epoch, row.epoch))
        if row.state == "cancelled":
            return row
        if control.state is ControlState.CANCELLED:  # which counts at any epoch
            return replace(row, state="cancelled", finished_at=row.updated_at)
        has_ended = row.state in ENDED_STATES
        retried = self.retry_round(row.id) > row.round
        if (has_ended and not retried) or (is_behind and not has_ended):
            return row
        going_on = row.state != "paused" and not has_ended
        state = row.state if going_on else row.running_state
        paused = control.state is ControlState.PAUSED
        return replace(row, state="paused" if paused else state, finished_at=None)


class WorkerCache:
    """The newest status of every worker. One that was silent for `FORGET_AFTER` is forgotten, and
    beyond `room` whoever was silent longest."""

    def __init__(self, room: int = 10_000) -> None:
        self._room = room
        self._by_id: dict[str, WorkerStatus] = {}

    def apply(self, event: Message) -> None:
        if not isinstance(event, WorkerStatus):
            return
        if event.at >= self._by_id.get(event.worker_id, event).at:
            self._by_id[event.worker_id] = event
        if len(self._by_id) > self._room:
            del self._by_id[min(self._by_id, key=lambda id: self._by_id[id].at)]

    def newest(self, now: datetime) -> Sequence[WorkerStatus]:
        heard = {id: said for id, said in self._by_id.items() if now - said.at <= FORGET_AFTER}
        self._by_id = heard
        return list(heard.values())


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
        self, import_id: str, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[ImportFile]:
        found = await self.catalog.import_files(import_id, state=state, after=after, limit=limit)
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


def place_of(one: ImportRequested | ImportProgress) -> ImportPlace:
    """Where an import stands in the list, which holds only those whose request is known."""
    assert one.requested_at is not None
    id = one.id if isinstance(one, ImportProgress) else one.import_id
    return ImportPlace(one.requested_at, id)


def waiting_for(
    row: ImportProgress, workers: Sequence[WorkerStatus], now: datetime
) -> Waiting | None:
    """What the import waits for; None if it moves, is paused or has ended."""
    if row.state not in NEEDED:
        return None
    since = row.requested_at or now
    worker = service_waits(NEEDED[row.state], since, workers, now)
    return worker or service_waits("indexer", since, workers, now)


def limited_by(workers: Sequence[WorkerStatus], now: datetime) -> Waiting | None:
    """What limits the speed of the workers that copy files."""
    limits = [
        worker.limited_by
        for worker in workers
        if worker.service == NEEDED["transferring"] and abs(now - worker.at) <= SILENT_AFTER
    ]
    return next((limit for limit in limits if limit), None)


def service_waits(
    service: str, requested_at: datetime, workers: Sequence[WorkerStatus], now: datetime
) -> Waiting | None:
    ours = [w for w in workers if w.service == service]
    # A status from the future comes from a wrong clock and must not count for ever.
    alive = [w for w in ours if w.state != "stopped" and abs(now - w.at) <= SILENT_AFTER]
    if not alive:
        last_seen = max([requested_at, *(w.at for w in ours)])
        if now - last_seen <= ABSENT_AFTER:
            return None
        message = f"The service `{service}` is not running. Start it, and the work continues."
        return Waiting(reason="no_worker", message=message)
    waits = [w.waiting_for for w in alive if w.state == "waiting" and w.waiting_for]
    if len(waits) < len(alive):
        return None
    return min(waits, key=lambda wait: wait.until or datetime.max.replace(tzinfo=UTC))
