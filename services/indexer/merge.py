"""How one fact changes one row. Each merge is a maximum under a total order, so that any order,
repetition and splitting of a history into batches gives the same rows.

The order of outcomes of a file within an import (design §2, rule 7; decisions/0002): Drive's
version first, then success before failure, so that a failure never displaces what is stored of the
same version; then the round; then stored over unchanged; then the record's time and place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from services.adapters.catalog.rows import FileRow, FolderRow, ImageRow, PageRow
from services.core import events as e

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
SUCCESSES = ("stored", "unchanged")
RANK = {"failed": 0, "unchanged": 1, "stored": 2}
BY_NOTHING, BY_SKIP, BY_MANIFEST, BY_FOUND = 0, 1, 2, 3


@dataclass(frozen=True)
class Positioned:
    """An event, and where in the log it lies."""

    event: e.Message
    topic: str
    partition: int
    offset: int


def described(row: FileRow, by: int, at: datetime | None, what: FileRow) -> FileRow:
    """Take name, type, size and place from `what` if it knows better: a later, fuller source."""
    if _knowledge(by, at, what) <= _knowledge(row.described_by, row.described_at, row):
        return row
    return replace(
        row,
        described_by=by,
        described_at=at,
        name=what.name,
        mime_type=what.mime_type,
        size=what.size,
        folder_id=what.folder_id,
        path=what.path,
    )


def _knowledge(by: int, at: datetime | None, row: FileRow) -> tuple[object, ...]:
    size = -1 if row.size is None else row.size
    return by, at or LONG_AGO, row.name, row.mime_type, size, row.folder_id, row.path


def outcome_of(record: Positioned) -> FileRow:
    """The row that a `FileStored` or `FileFailed` alone would make."""
    event = record.event
    if isinstance(event, e.FileStored):
        made = FileRow(
            import_id=event.file.import_id,
            file_id=event.file.file_id,
            state="unchanged" if event.unchanged else "stored",
            round=event.file.round,
            drive_version=event.file.version,
            attempts=event.attempts,
            object_key=event.object_key,
            stored_size=event.size,
            md5=event.md5,
            sha256=event.sha256,
            seconds=event.seconds,
            decided_at=event.stored_at,
        )
        file: e.FileFound | None = event.file
    elif isinstance(event, e.FileFailed):
        made = FileRow(
            import_id=event.import_id,
            file_id=event.file_id,
            state="failed",
            round=event.round if event.file is None else event.file.round,
            drive_version=0 if event.file is None else event.file.version,
            reason=event.reason,
            message=event.message,
            attempts=event.attempts,
            decided_at=event.failed_at,
        )
        file = event.file
    else:
        raise TypeError(f"{type(event).__name__} is no outcome")
    made = replace(made, topic=record.topic, partition=record.partition, offset=record.offset)
    return _with_description(made, file)


def _with_description(row: FileRow, file: e.FileFound | None) -> FileRow:
    if file is None:
        return replace(row, name=row.file_id)
    return replace(
        row,
        name=file.name,
        mime_type=file.mime_type,
        size=file.size,
        folder_id=file.folder_id,
        path=file.path,
        described_by=BY_FOUND,
        described_at=file.found_at,
    )


def decided(row: FileRow, outcome: FileRow) -> FileRow:
    """The row with the outcome that counts: its own or the new one."""
    row = described(row, outcome.described_by, outcome.described_at, outcome)
    if row.decided_at is not None and _outcome_order(outcome) <= _outcome_order(row):
        return row
    return replace(
        row,
        state=outcome.state,
        round=outcome.round,
        drive_version=outcome.drive_version,
        reason=outcome.reason,
        message=outcome.message,
        attempts=outcome.attempts,
        object_key=outcome.object_key,
        stored_size=outcome.stored_size,
        md5=outcome.md5,
        sha256=outcome.sha256,
        seconds=outcome.seconds,
        decided_at=outcome.decided_at,
        topic=outcome.topic,
        partition=outcome.partition,
        offset=outcome.offset,
    )


def _outcome_order(row: FileRow) -> tuple[object, ...]:
    return (
        row.drive_version,
        row.state in SUCCESSES,
        row.round,
        RANK[row.state],
        row.decided_at,
        row.topic,
        row.partition,
        row.offset,
    )


def settled(row: FileRow) -> FileRow:
    """The row with its state where no outcome gives it: listed is pending, else skipped."""
    if row.decided_at is not None:
        return row
    state = "pending" if row.listed else "skipped"
    return row if row.state == state else replace(row, state=state)


def image_of(event: e.FileStored) -> ImageRow:
    """The image that this outcome alone would make."""
    file = event.file
    return ImageRow(
        google_drive_id=file.file_id,
        name=file.name,
        size=event.size,
        mime_type=file.mime_type,
        storage_path=f"s3://{event.bucket}/{event.object_key}",
        created_at=event.stored_at,
        folder_id=file.folder_id,
        path=file.path,
        md5=event.md5 or file.md5,
        sha256=event.sha256 or file.sha256,
        width=file.width,
        height=file.height,
        modified_at=file.modified_time,
        drive_version=file.version,
        fetched=not event.unchanged,
        updated_at=event.stored_at,
    )


def newest_image(old: ImageRow | None, new: ImageRow) -> ImageRow:
    """The newest version of an image; `created_at` is when it was stored first."""
    if old is None:
        return new
    created = min(old.created_at, new.created_at)
    newest = max(old, new, key=_image_order)
    return newest if newest.created_at == created else replace(newest, created_at=created)


def _image_order(row: ImageRow) -> tuple[object, ...]:
    rest = row.storage_path, row.name, row.size, row.mime_type, row.folder_id, row.path
    known = row.md5 or "", row.sha256 or "", row.width or -1, row.height or -1
    return (
        row.drive_version,
        row.fetched,
        row.updated_at,
        *rest,
        *known,
        row.modified_at or LONG_AGO,
    )


def opened(row: FolderRow, path: tuple[str, ...]) -> FolderRow:
    """A manifest (or the request itself) names this folder."""
    best = max(row.path, path)
    if row.opened and best == row.path:
        return row
    return replace(row, opened=True, path=best)


def closed(row: FolderRow, path: tuple[str, ...]) -> FolderRow:
    """A trusted pass over it is complete."""
    best = max(row.path, path)
    if row.closed and best == row.path:
        return row
    return replace(row, closed=True, path=best)


def failed_folder(row: FolderRow, event: e.FolderFailed) -> FolderRow:
    """It cannot be listed; of several failures the latest is told."""
    old = (row.failed_at or LONG_AGO, row.reason or "", row.message or "")
    new = (event.failed_at, event.reason, event.message)
    best = max(row.path, event.path)
    reason, message, at = (event.reason, event.message, event.failed_at)
    if new <= old:
        reason, message, at = row.reason or "", row.message or "", row.failed_at or LONG_AGO
        if best == row.path:
            return row
    return replace(row, path=best, reason=reason, message=message, failed_at=at)


def page_of(record: Positioned, event: e.PageListed) -> PageRow:
    """A manifest in brief."""
    return PageRow(
        import_id=event.import_id,
        folder_id=event.folder_id,
        pass_number=event.pass_number,
        page_number=event.page_number,
        listed_at=event.listed_at,
        files=len(event.files),
        folders=len(event.opened),
        skipped=len(event.skipped),
        last=event.last,
        closes=event.closes,
        partition=record.partition,
        offset=record.offset,
    )


def latest_page(pages: Sequence[PageRow]) -> PageRow:
    """A page that was listed twice counts as it was listed last."""
    return max(pages, key=lambda p: (p.listed_at, p.partition, p.offset))
