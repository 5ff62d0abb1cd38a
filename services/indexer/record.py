"""A record of the log, and the rows that its event makes by itself. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from services.adapters.catalog.rows import (
    FROM_FOUND,
    FROM_MANIFEST,
    FROM_SKIPPED,
    FileRow,
    FolderRow,
    ImageRow,
    ImportRow,
)
from services.core import events as e


class LogRecord(NamedTuple):
    event: e.Message
    topic: str
    partition: int
    offset: int


OUTCOMES = (e.FileStored, e.FileFailed)
Times = tuple[datetime | None, datetime]
"""Of an import's outcomes: when the first file was stored, and when the newest of them was."""


def add_time(times: dict[str, Times], event: e.Outcome) -> None:
    """What an outcome tells of its import. A row for each would only be merged into the next."""
    if isinstance(event, e.FileFailed):
        first, at = None, event.failed_at
    else:
        first, at = None if event.unchanged else event.stored_at, event.stored_at
    known = times.get(event.import_id)
    if known is not None:
        first = known[0] if first is None else min(first, known[0] or first)
        at = max(at, known[1])
    times[event.import_id] = first, at


def rows_of(record: LogRecord) -> Iterator[ImportRow | FolderRow | FileRow | ImageRow]:
    """What the event tells, of its import too, but for outcomes (`add_time`); nothing for events of
    other topics."""
    event = record.event
    match event:
        case e.FileStored():
            yield _stored(event, record)
            yield _image(event)
        case e.FileFailed():
            yield _failed(event, record)
        case e.FolderNamed(name=name, named_at=at):
            yield ImportRow(id=event.import_id, name=name, folder_named_at=at, updated_at=at)
        case e.PageListed():
            yield ImportRow(id=event.import_id, updated_at=event.listed_at)
            yield from _listed(event)
        case e.FolderFailed(failed_at=at):
            yield ImportRow(id=event.import_id, updated_at=at)
            yield FolderRow(
                import_id=event.import_id,
                folder_id=event.folder_id,
                path=event.path,
                reason=event.reason,
                message=event.message,
                failed_at=at,
                tried_round=event.round,
            )
        case _:
            yield from _asked(event)


def _asked(event: e.Message) -> Iterator[ImportRow | FolderRow | FileRow]:
    match event:
        case e.ImportRequested(requested_at=at):
            yield ImportRow(
                id=event.import_id,
                folder_id=event.folder_id,
                folder_url=event.folder_url,
                requested_at=at,
                updated_at=at,
            )
            yield FolderRow(import_id=event.import_id, folder_id=event.folder_id)
        case e.ControlEvent(epoch=epoch, at=at):
            control = type(event).__name__.removeprefix("Import").lower()  # e.g. "paused"
            if not event.import_id.startswith(e.REPLAY):
                yield ImportRow(
                    id=event.import_id,
                    epoch=epoch,
                    control=control,
                    cancelled=control == "cancelled",
                    updated_at=at,
                )
        case e.RetryRequested(import_id=import_id, round=round):
            # The row shows a round once the whole retry is known: an api waits for that.
            shown = round if event.last else 0
            yield ImportRow(id=import_id, round=shown, updated_at=event.at)
            for id in event.files:
                yield FileRow(import_id=import_id, file_id=id, retry_round=round)
            for id in event.folders:
                yield FolderRow(import_id=import_id, folder_id=id, retry_round=round)


def _listed(page: e.PageListed) -> Iterator[FolderRow | FileRow]:
    import_id, path = page.import_id, page.path
    yield FolderRow(
        import_id=import_id,
        folder_id=page.folder_id,
        path=path,
        closed=page.closes,
        tried_round=page.round if page.closes else -1,
    )
    for opened in page.opened:
        yield FolderRow(import_id=import_id, folder_id=opened.id, path=(*path, opened.name))
    for file in page.files:
        yield _entry(page, file)
    for skipped in page.skipped:
        yield _entry(page, skipped, skipped.reason)


def _entry(
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
        tried_round=event.round,
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
        attempts=event.attempts,
        reason=event.reason,
        message=event.message,
        outcome_at=event.failed_at,
        tried_round=event.round,
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


def _image(event: e.FileStored) -> ImageRow:
    """A file that is unchanged may still have a new folder, path or name."""
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
        content_type=event.content_type,
        width=file.width,
        height=file.height,
        modified_at=file.modified_time,
        metadata_at=file.found_at,
        drive_version=file.version,
        fetched=event.sha256 is not None and not event.unchanged,
        updated_at=event.stored_at,
    )
