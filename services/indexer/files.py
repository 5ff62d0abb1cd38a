"""Rows of `import_files`: one file in one import, its newest metadata, and the outcome that counts.

Of several outcomes the greatest counts (decisions/0002): Drive's version first, then success before
failure, so that a failure never displaces what is stored of the same version. Then the round, then
stored over unchanged, then the time and the place of the record.
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from services.adapters.catalog.rows import FileRow
from services.core import events as e
from services.indexer.merge import Sums, greater
from services.indexer.record import LogRecord

RANK = {"failed": 0, "unchanged": 1, "stored": 2}
FROM_SKIPPED, FROM_MANIFEST, FROM_FOUND = 1, 2, 3
"""Where a file's metadata come from: a fuller source counts more."""
METADATA = ("metadata_source", "metadata_at", "name", "mime_type", "size", "folder_id", "path")


def rows_of(record: LogRecord) -> Iterator[FileRow]:
    """The file that has an outcome, or those that a manifest names."""
    match record.event:
        case e.FileStored() as event:
            yield _stored(event, record)
        case e.FileFailed() as event:
            yield _failed(event, record)
        case e.PageListed() as event:
            for file in event.files:
                yield _listed(event, file)
            for skipped in event.skipped:
                yield _listed(event, skipped, skipped.reason)


def merged(old: FileRow, new: FileRow) -> FileRow:
    """The outcome of one, the metadata of one, and whether either was listed or skipped."""
    outcome = max(old, new, key=_outcome_order)
    metadata = greater(old, new, METADATA)
    listed = old.listed or new.listed
    skip_reason = max(old.skip_reason or "", new.skip_reason or "") or None
    if outcome is old and not metadata and (listed, skip_reason) == (old.listed, old.skip_reason):
        return old
    state = outcome.state
    if outcome.outcome_at is None:
        state = "pending" if listed else "skipped"
    if outcome is new:
        metadata = {} if metadata else {name: getattr(old, name) for name in METADATA}
    return replace(outcome, state=state, listed=listed, skip_reason=skip_reason, **metadata)


def count(row: FileRow, by: int, sums: Sums) -> None:
    """Add this row to its import's sums, `by` times."""
    if row.state == "skipped":
        sums["skipped", row.skip_reason or "unknown"] += by
        return
    sums["found", ""] += by
    sums["found_bytes", ""] += by * (row.size or 0)
    sums[row.state, ""] += by
    if row.state == "failed":
        sums["failures", row.reason or "unknown"] += by
    elif row.state == "stored":
        sums["stored_bytes", ""] += by * (row.stored_size or 0)


def _listed(
    page: e.PageListed, entry: e.FileBrief | e.Skipped, skip_reason: str | None = None
) -> FileRow:
    return FileRow(
        import_id=page.import_id,
        file_id=entry.id,
        state="skipped" if skip_reason else "pending",
        listed=not skip_reason,
        skip_reason=skip_reason,
        name=entry.name,
        mime_type=entry.mime_type,
        size=entry.size,
        folder_id=page.folder_id,
        path=page.path,
        metadata_source=FROM_SKIPPED if skip_reason else FROM_MANIFEST,
        metadata_at=page.listed_at,
    )


def _stored(event: e.FileStored, record: LogRecord) -> FileRow:
    return FileRow(
        import_id=event.import_id,
        file_id=event.file.file_id,
        state="unchanged" if event.unchanged else "stored",
        attempts=event.attempts,
        object_key=event.object_key,
        stored_size=event.size,
        md5=event.md5,
        sha256=event.sha256,
        seconds=event.seconds,
        outcome_at=event.stored_at,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        **_of_found(event.file),
    )


def _failed(event: e.FileFailed, record: LogRecord) -> FileRow:
    unknown = {"name": event.file_id, "round": event.round, "drive_version": 0}
    return FileRow(
        import_id=event.import_id,
        file_id=event.file_id,
        state="failed",
        reason=event.reason,
        message=event.message,
        attempts=event.attempts,
        outcome_at=event.failed_at,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        **(_of_found(event.file) if event.file else unknown),
    )


def _of_found(file: e.FileFound) -> dict[str, Any]:
    return {
        "name": file.name,
        "mime_type": file.mime_type,
        "size": file.size,
        "folder_id": file.folder_id,
        "path": file.path,
        "metadata_source": FROM_FOUND,
        "metadata_at": file.found_at,
        "round": file.round,
        "drive_version": file.version,
    }


def _outcome_order(row: FileRow) -> tuple[object, ...]:
    if row.outcome_at is None:
        return ()
    place = row.topic, row.partition, row.offset
    version, success = row.drive_version, row.state != "failed"
    return version, success, row.round, RANK[row.state], row.outcome_at, *place
