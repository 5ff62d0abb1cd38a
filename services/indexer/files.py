"""Rows of `import_files`: one file in one import, its newest metadata, and the outcome that counts.

Of several outcomes the greatest counts (decisions/0002): Drive's version first, then success before
failure, so that a failure never displaces what is stored of the same version. Then the round, then
stored over unchanged, then the time and the place of the record.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from services.adapters.catalog.rows import FileKey, FileRow
from services.core import events as e
from services.indexer.imports import LONG_AGO, Sums
from services.indexer.record import LogRecord

RANK = {"failed": 0, "unchanged": 1, "stored": 2}
FROM_SKIPPED, FROM_MANIFEST, FROM_FOUND = 1, 2, 3
"""Where a file's metadata come from: a fuller source counts more."""


def keys(event: e.Message) -> Iterator[FileKey]:
    """The file that has an outcome, or those that a manifest names."""
    match event:
        case e.FileStored():
            yield event.import_id, event.file.file_id
        case e.FileFailed():
            yield event.import_id, event.file_id
        case e.PageListed():
            yield from ((event.import_id, file.id) for file in event.files)
            yield from ((event.import_id, entry.id) for entry in event.skipped)


def merge(rows: dict[FileKey, FileRow], record: LogRecord) -> None:
    """Put what the record says of files into their rows."""
    for new in _rows_of(record):
        key = new.import_id, new.file_id
        old = rows.get(key)
        rows[key] = new if old is None else _merged(old, new)


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


def _rows_of(record: LogRecord) -> Iterator[FileRow]:
    """The rows that this record alone would make."""
    match record.event:
        case e.FileStored() as event:
            yield _stored(event, record)
        case e.FileFailed() as event:
            yield _failed(event, record)
        case e.PageListed() as event:
            for file in event.files:
                yield _listed(event, file)
            for entry in event.skipped:
                yield _skipped(event, entry)


def _listed(page: e.PageListed, file: e.FileBrief) -> FileRow:
    return FileRow(
        import_id=page.import_id,
        file_id=file.id,
        listed=True,
        name=file.name,
        mime_type=file.mime_type,
        size=file.size,
        folder_id=page.folder_id,
        path=page.path,
        metadata_source=FROM_MANIFEST,
        metadata_at=page.listed_at,
    )


def _skipped(page: e.PageListed, entry: e.Skipped) -> FileRow:
    return FileRow(
        import_id=page.import_id,
        file_id=entry.id,
        state="skipped",
        skip_reason=entry.reason,
        name=entry.name,
        mime_type=entry.mime_type,
        size=entry.size,
        folder_id=page.folder_id,
        path=page.path,
        metadata_source=FROM_SKIPPED,
        metadata_at=page.listed_at,
    )


def _stored(event: e.FileStored, record: LogRecord) -> FileRow:
    file = event.file
    return FileRow(
        import_id=event.import_id,
        file_id=file.file_id,
        state="unchanged" if event.unchanged else "stored",
        name=file.name,
        mime_type=file.mime_type,
        size=file.size,
        folder_id=file.folder_id,
        path=file.path,
        metadata_source=FROM_FOUND,
        metadata_at=file.found_at,
        round=file.round,
        drive_version=file.version,
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
    )


def _failed(event: e.FileFailed, record: LogRecord) -> FileRow:
    row = FileRow(
        import_id=event.import_id,
        file_id=event.file_id,
        state="failed",
        name=event.file_id,
        round=event.round,
        drive_version=0,
        reason=event.reason,
        message=event.message,
        attempts=event.attempts,
        outcome_at=event.failed_at,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )
    file = event.file
    if file is None:
        return row
    return replace(
        row,
        name=file.name,
        mime_type=file.mime_type,
        size=file.size,
        folder_id=file.folder_id,
        path=file.path,
        metadata_source=FROM_FOUND,
        metadata_at=file.found_at,
        round=file.round,
        drive_version=file.version,
    )


def _merged(old: FileRow, new: FileRow) -> FileRow:
    """The outcome of one, the metadata of one, and whether either was listed or skipped."""
    outcome = max(old, new, key=_outcome_order)
    metadata = max(old, new, key=_metadata_order)
    listed = old.listed or new.listed
    skip_reason = max(old.skip_reason or "", new.skip_reason or "") or None
    if outcome is metadata is old and (listed, skip_reason) == (old.listed, old.skip_reason):
        return old
    state = outcome.state
    if outcome.outcome_at is None:
        state = "pending" if listed else "skipped"
    return replace(
        outcome,
        state=state,
        listed=listed,
        skip_reason=skip_reason,
        name=metadata.name,
        mime_type=metadata.mime_type,
        size=metadata.size,
        folder_id=metadata.folder_id,
        path=metadata.path,
        metadata_source=metadata.metadata_source,
        metadata_at=metadata.metadata_at,
    )


def _outcome_order(row: FileRow) -> tuple[object, ...]:
    if row.outcome_at is None:
        return ()
    return (
        row.drive_version,
        row.state != "failed",
        row.round,
        RANK[row.state],
        row.outcome_at,
        row.topic,
        row.partition,
        row.offset,
    )


def _metadata_order(row: FileRow) -> tuple[object, ...]:
    size = -1 if row.size is None else row.size
    rest = row.name, row.mime_type, size, row.folder_id, row.path
    return row.metadata_source, row.metadata_at or LONG_AGO, *rest
