"""Replays as rows: what an event says of a replay and its files, and how rows are merged. Pure.

As for imports, any order, repetition and batching of the same events gives the same rows
(`fold.py`). A replay's counts are sums over its files, kept by difference.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from services.adapters.catalog.rows import ReplayFileRow, ReplayRow, Rows
from services.adapters.catalog.views.replays import PartProgress, ReplayState, replay_asked
from services.core import events as e
from services.core.outcomes import state_of
from services.core.replays import IMPORT_CANCELLED, partitions
from services.indexer.record import LogRecord

Key = tuple[str, str, str]
ENDED = ("completed", "failed", "cancelled")
LONG_AGO, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
REQUEST = (
    *("name", "why", "by", "scope", "transfer", "target", "select", "requested_at", "round"),
    *("depth", "planned_files", "planned_bytes", "most", "parts"),
)
CONTROLS = ("cancelled", "paused", "resumed", "stalled")
"""By rank, the one that counts most first (core/control.py)."""


def add(rows: Rows, record: LogRecord) -> None:
    """Add what the event tells of a replay; nothing if it is no replay's."""
    event = record.event
    if isinstance(event, e.FileStored) and event.file.replay_id is None:
        return  # as nearly all are
    for row in _rows_of(record):
        if isinstance(row, ReplayRow):
            _put(rows.replays, row.id, row)
        else:
            _put_file(rows.replay_files, (row.replay_id, row.import_id, row.file_id), row)


def merge(rows: Rows, more: Rows) -> None:
    """Merge more replays and their files into `rows`."""
    for id, replay in more.replays.items():
        _put(rows.replays, id, replay)
    for key, file in more.replay_files.items():
        _put_file(rows.replay_files, key, file)


def fold(before: Rows, batch: Rows, after: Rows) -> None:
    """Merge the batch's replays and their files into `after`, with the sums that follow."""
    after.replays = dict(before.replays)
    after.replay_files = dict(before.replay_files)
    for id, replay in batch.replays.items():
        _put(after.replays, id, replay)
    sums: dict[str, Counter[tuple[str, str]]] = {id: Counter() for id in after.replays}
    for key, new in batch.replay_files.items():
        old = after.replay_files.get(key)
        _put_file(after.replay_files, key, new)
        row = after.replay_files[key]
        if row is not old:
            _count(row, 1, sums[row.replay_id])
            if old is not None:
                _count(old, -1, sums[row.replay_id])
    for id, replay in after.replays.items():
        after.replays[id] = _with_state(_with_sums(replay, sums[id]))


def _put(rows: dict[str, ReplayRow], id: str, new: ReplayRow) -> None:
    old = rows.get(id)
    rows[id] = new if old is None else _merged(old, new)


def _put_file(rows: dict[Key, ReplayFileRow], key: Key, new: ReplayFileRow) -> None:
    """Of several outcomes, the best counts."""
    old = rows.get(key)
    rows[key] = new if old is None or _outcome_order(new) > _outcome_order(old) else old


def _rows_of(record: LogRecord) -> Iterator[ReplayRow | ReplayFileRow]:
    event = record.event
    match event:
        case e.ReplayRequested():
            yield _requested(event)
        case e.ReplayRateChanged(import_id=id, at=at, files_per_second=rate):
            yield ReplayRow(id=id, files_per_second=rate, rate_at=at, updated_at=at)
        case e.ReplayFailed(import_id=id, at=at, message=message):
            yield ReplayRow(id=id, failed_at=at, message=message, updated_at=at)
        case e.ControlEvent(import_id=id) if id.startswith(e.REPLAY):
            control = type(event).__name__.removeprefix("Import").lower()  # e.g. "paused"
            yield ReplayRow(
                id=id,
                epoch=event.epoch,
                control=control,
                cancelled=control == "cancelled",
                updated_at=event.at,
            )
        case e.LogPartReplayed():
            yield from _part(event, record)
        case e.FileStored(file=e.FileFound(replay_id=str() as id)):
            yield ReplayRow(id=id, updated_at=event.stored_at)
            yield _outcome(id, event, record)
        case e.FileFailed(file=e.FileFound(replay_id=str() as id)):
            yield ReplayRow(id=id, updated_at=event.failed_at)
            yield _outcome(id, event, record)


def _requested(event: e.ReplayRequested) -> ReplayRow:
    return ReplayRow(
        id=event.import_id,
        **replay_asked(event),
        parts=len(partitions(event)),
        files_per_second=event.files_per_second,
        rate_at=event.at,
        updated_at=event.at,
    )


def _part(event: e.LogPartReplayed, record: LogRecord) -> Iterator[ReplayRow | ReplayFileRow]:
    read_at = None if event.read_at is None else event.read_at.astimezone(UTC).isoformat()
    yield ReplayRow(
        id=event.import_id,
        progress={
            str(event.partition): (event.offset, event.end, read_at, event.last, event.redriven)
        },
        updated_at=event.replayed_at,
    )
    for file in event.files:
        yield ReplayFileRow(
            replay_id=event.import_id, import_id=file.import_id, file_id=file.file_id
        )
    for file in event.cancelled:
        yield ReplayFileRow(
            replay_id=event.import_id,
            import_id=file.import_id,
            file_id=file.file_id,
            state="failed",
            reason=IMPORT_CANCELLED,
            message="The import of this file was cancelled, so the replay skipped it.",
            outcome_at=event.replayed_at,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )


def _outcome(replay_id: str, event: e.Outcome, record: LogRecord) -> ReplayFileRow:
    row = ReplayFileRow(
        replay_id=replay_id,
        import_id=event.import_id,
        file_id=event.subject,
        state=state_of(event),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )
    if isinstance(event, e.FileFailed):
        reason, message = event.reason, event.message
        return replace(row, reason=reason, message=message, outcome_at=event.failed_at)
    return replace(row, stored_size=event.size, outcome_at=event.stored_at)


def _outcome_order(row: ReplayFileRow) -> tuple[object, ...]:
    if row.outcome_at is None:
        return ()
    place = row.topic, row.partition, row.offset
    return row.reason is None, row.state == "stored", row.outcome_at, *place


def _merged(old: ReplayRow, new: ReplayRow) -> ReplayRow:
    changes: dict[str, Any] = {}
    if _request_order(new) > _request_order(old):
        changes |= {name: getattr(new, name) for name in REQUEST}
    if _rate_order(new) > _rate_order(old):
        changes |= {"files_per_second": new.files_per_second, "rate_at": new.rate_at}
    if _control_order(new) > _control_order(old):
        changes |= {"epoch": new.epoch, "control": new.control}
    if _failure_order(new) > _failure_order(old):
        changes |= {name: getattr(new, name) for name in ("failed_at", "message")}
    progress = dict(old.progress)
    for partition, part in new.progress.items():
        progress[partition] = max(progress.get(partition, part), part, key=_part_order)
    return replace(
        old,
        **changes,
        progress=progress,
        cancelled=old.cancelled or new.cancelled,
        updated_at=max(filter(None, (old.updated_at, new.updated_at)), default=None),
    )


def _request_order(row: ReplayRow) -> tuple[object, ...]:
    """The earliest counts."""
    if row.requested_at is None:
        return ()
    request = [getattr(row, name) for name in REQUEST]
    return NEVER - row.requested_at, msgspec.json.encode(request, order="sorted")


def _failure_order(row: ReplayRow) -> tuple[object, ...]:
    """The earliest counts."""
    if row.failed_at is None:
        return ()
    return NEVER - row.failed_at, row.message


def _rate_order(row: ReplayRow) -> tuple[object, ...]:
    """The newest counts; of two at one time, the greater."""
    rate = -1 if row.files_per_second is None else row.files_per_second
    return row.rate_at or LONG_AGO, rate


def _control_order(row: ReplayRow) -> tuple[int, int]:
    rank = CONTROLS.index(row.control) if row.control else len(CONTROLS)
    return row.epoch, -rank


def _part_order(part: PartProgress) -> tuple[object, ...]:
    offset, end, read_at, done, redriven = part
    return done, offset, end, redriven, read_at or ""


def _count(row: ReplayFileRow, by: int, sums: Counter[tuple[str, str]]) -> None:
    sums["selected", ""] += by
    sums[row.state, ""] += by
    if row.state == "failed":
        sums["failures", row.reason or "unknown"] += by
    elif row.state == "stored":
        sums["stored_bytes", ""] += by * (row.stored_size or 0)


def _with_sums(row: ReplayRow, sums: Mapping[tuple[str, str], int]) -> ReplayRow:
    changes: dict[str, Any] = {}
    failures = Counter(row.failures)
    for (column, reason), difference in sums.items():
        if reason:
            failures[reason] += difference
        else:
            changes[column] = getattr(row, column) + difference
    changes["failures"] = {reason: n for reason, n in sorted(failures.items()) if n}
    return replace(row, **changes)


def _with_state(row: ReplayRow) -> ReplayRow:
    done = sum(done for _, _, _, done, _ in row.progress.values())
    redriven = sum(redriven for *_, redriven in row.progress.values())
    row = replace(row, parts_done=done, redriven=redriven)
    state = _state_of(row)
    message = row.message
    if row.failed_at is None:
        empty = state == "completed" and not (row.selected or row.redriven)
        message = "The replay selected no files." if empty else None
    finished = row.updated_at if state in ENDED else None
    return replace(row, state=state, message=message, finished_at=finished)


def _state_of(row: ReplayRow) -> ReplayState:
    if row.cancelled:
        return "cancelled"
    if row.failed_at is not None:
        return "failed"
    if row.requested_at is not None and row.parts_done >= row.parts and row.pending == 0:
        return "completed"
    if row.control == "paused":
        return "paused"
    return "running" if row.progress or row.selected else "planned"
