"""Rows of `import_folders`: each folder that a request or a manifest named, closed or failed."""

from collections.abc import Iterator

from msgspec.structs import replace

from services.adapters.catalog.rows import FolderKey, FolderRow
from services.core import events as e
from services.indexer.imports import LONG_AGO, Sums


def keys(event: e.Message) -> Iterator[FolderKey]:
    """The event's own folder, and those that a manifest opens."""
    if isinstance(event, e.ImportRequested | e.PageListed | e.FolderFailed):
        yield event.import_id, event.folder_id
    if isinstance(event, e.PageListed):
        yield from ((event.import_id, opened.id) for opened in event.opened)


def merge(rows: dict[FolderKey, FolderRow], event: e.Message) -> None:
    """Put what the event says of folders into their rows."""
    for new in _rows_of(event):
        key = new.import_id, new.folder_id
        old = rows.get(key)
        rows[key] = new if old is None else _merged(old, new)


def count(row: FolderRow, by: int, sums: Sums) -> None:
    """Add this row to its import's sums, `by` times."""
    sums["folders_found", ""] += by
    if row.closed:
        sums["folders_listed", ""] += by
    elif row.failed_at is not None:
        sums["folders_failed", ""] += by


def _rows_of(event: e.Message) -> Iterator[FolderRow]:
    """The rows that this event alone would make."""
    match event:
        case e.ImportRequested():
            yield FolderRow(import_id=event.import_id, folder_id=event.folder_id)
        case e.PageListed():
            yield FolderRow(
                import_id=event.import_id,
                folder_id=event.folder_id,
                path=event.path,
                closed=event.closes,
            )
            for opened in event.opened:
                path = (*event.path, opened.name)
                yield FolderRow(import_id=event.import_id, folder_id=opened.id, path=path)
        case e.FolderFailed():
            yield FolderRow(
                import_id=event.import_id,
                folder_id=event.folder_id,
                path=event.path,
                reason=event.reason,
                message=event.message,
                failed_at=event.failed_at,
            )


def _merged(old: FolderRow, new: FolderRow) -> FolderRow:
    """Closed stays closed; of several failures the newest is told."""
    failed = max(old, new, key=_failure_order)
    path, closed = max(old.path, new.path), old.closed or new.closed
    if failed is old and (path, closed) == (old.path, old.closed):
        return old
    return replace(failed, path=path, closed=closed)


def _failure_order(row: FolderRow) -> tuple[object, ...]:
    return row.failed_at or LONG_AGO, row.reason or "", row.message or ""
