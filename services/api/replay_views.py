"""Replays as the api shows them: the catalog's rows, with what only the log tells yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from services.adapters.catalog.port import ReadsCatalog
from services.adapters.catalog.views.imports import ImportPlace
from services.adapters.catalog.views.replays import (
    PartProgress,
    ReplayFile,
    ReplayProgress,
    ReplayState,
)
from services.adapters.kafka.tail import Tail
from services.api.import_cache import ImportCache
from services.api.problems import Problem
from services.api.waiting import service_waits
from services.api.worker_cache import WorkerCache
from services.core.events import Selection, Waiting

NAMED = 10
"""The most pending files that one answer names."""
NEEDED: Mapping[ReplayState, str] = {"planned": "lister", "running": "transfer"}
KAFKA_AWAY = Waiting(
    reason="kafka_unavailable",
    message="Kafka is not responding. The replay continues automatically when Kafka is back.",
)


class ReplayPart(Struct, frozen=True, kw_only=True):
    """How far one partition is read: before `offset` of `end`. `read_at` is the time of the last
    record that was read."""

    partition: int
    offset: int
    end: int
    read_at: datetime | None = None
    done: bool = False


class Planned(Struct, frozen=True, kw_only=True):
    """What was asked for, to compare with the result."""

    mode: str
    transfer: str
    target: str | None = None
    select: Selection
    files: int
    bytes: int
    most: int | None = None


class ReplayView(Struct, frozen=True, kw_only=True):
    """selected = stored + unchanged + failed + pending. `by` is the name of the key that asked,
    null without keys. `depth` counts the replays that led to this one, `redriven` the records that
    were published again as they are: dead letters, or outcomes for one consumer."""

    id: str
    state: ReplayState
    name: str
    why: str
    by: str | None
    message: str | None
    waiting_for: Waiting | None
    selected: int
    stored: int
    unchanged: int
    failed: int
    pending: int
    failures: Mapping[str, int]
    stored_bytes: int
    redriven: int
    files_per_second: int | None
    round: int
    depth: int
    plan: Planned
    requested_at: datetime | None
    updated_at: datetime | None
    finished_at: datetime | None


class ReplayReport(ReplayView, frozen=True, kw_only=True):
    """`pending_files` names some of what has no outcome yet, `reading` the partitions that are not
    read to their ends."""

    partitions: Sequence[ReplayPart]
    reading: Sequence[int]
    pending_files: Sequence[ReplayFile]


def place_of(row: ReplayProgress | ReplayView) -> ImportPlace:
    assert row.requested_at is not None
    return ImportPlace(row.requested_at, row.id)


@dataclass(frozen=True)
class ReplayViews:
    """Every replay that is known. Those that are not raise an `unknown_replay` problem."""

    catalog: ReadsCatalog
    imports: Tail[ImportCache]
    workers: Tail[WorkerCache]

    async def progress(self, replay_id: str) -> ReplayProgress:
        """As the catalog and the log know it."""
        row = (await self.by_id([replay_id])).get(replay_id)
        if row is None:
            raise Problem("unknown_replay", "There is no replay with this id.")
        return row

    async def report(self, replay_id: str) -> ReplayReport:
        row = await self.progress(replay_id)
        parts = [_part(int(partition), it) for partition, it in row.progress.items()]
        parts.sort(key=lambda part: part.partition)
        pending: Sequence[ReplayFile] = ()
        if row.pending:
            pending = await self.catalog.pending_of_replay(replay_id, limit=NAMED)
        return ReplayReport(
            **self._fields(row),
            partitions=parts,
            reading=[part.partition for part in parts if not part.done],
            pending_files=pending,
        )

    async def newest(self, *, before: ImportPlace | None, limit: int) -> Sequence[ReplayView]:
        """As `ImportViews.newest`: the first `limit` of each contain the first `limit` of all."""
        cache = self.imports.view.replays
        rows = {row.id: row for row in await self.catalog.replays(before=before, limit=limit)}
        others = [request.import_id for request in cache.newest(before=before, limit=limit)]
        rows |= await self.by_id([id for id in others if id not in rows])
        known = [cache.completed(id, row) or row for id, row in rows.items()]
        newest = sorted(known, key=place_of, reverse=True)[:limit]
        return [ReplayView(**self._fields(row)) for row in newest]

    async def by_id(self, ids: Sequence[str]) -> dict[str, ReplayProgress]:
        """Those that are known, the newest way."""
        rows = await self.catalog.replays_by_id(ids) if ids else {}
        found = {id: self.imports.view.replays.completed(id, rows.get(id)) for id in ids}
        return {id: row for id, row in found.items() if row is not None}

    def _fields(self, row: ReplayProgress) -> dict[str, Any]:
        shown = asdict(row)
        plan = Planned(
            mode=row.scope,
            transfer=row.transfer,
            target=row.target,
            select=msgspec.convert(row.select, Selection),
            files=row.planned_files,
            bytes=row.planned_bytes,
            most=row.most,
        )
        own = {"by": row.by or None, "plan": plan, "waiting_for": self._waiting_for(row)}
        return {name: it for name, it in (shown | own).items() if name in _SHOWN}

    def _waiting_for(self, row: ReplayProgress) -> Waiting | None:
        state, now = self.workers.state, datetime.now(UTC)
        if row.state not in NEEDED:
            return None
        if state.trouble is not None:
            return KAFKA_AWAY
        if not state.caught_up:
            return None
        workers, since = self.workers.view.newest(now), row.requested_at or now
        needed = [NEEDED[row.state], "indexer"]
        found = (service_waits(service, since, workers, now) for service in needed)
        return next((wait for wait in found if wait), None)


_SHOWN = frozenset(ReplayView.__struct_fields__)


def _part(partition: int, progress: PartProgress) -> ReplayPart:
    offset, end, read_at, done, _ = progress
    at = datetime.fromisoformat(read_at) if read_at else None
    return ReplayPart(partition=partition, offset=offset, end=end, read_at=at, done=done)
