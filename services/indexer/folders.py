"""Rows of `import_folders`: each folder that a request or a manifest named, closed or failed."""

from collections.abc import Iterator

from msgspec.structs import replace

from services.adapters.catalog.rows import FolderRow
from services.core import events as e
from services.indexer.merge import Sums, greater

FAILURE = ("failed_at", "reason", "message")


def rows_of(event: e.Message) -> Iterator[FolderRow]:
    """The event's own folder, and those that a manifest opens."""
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


def merged(old: FolderRow, new: FolderRow) -> FolderRow:
    """Closed stays closed; of several failures the newest is told."""
    changes = (
        greater(old, new, FAILURE) | greater(old, new, ("path",)) | greater(old, new, ("closed",))
    )
    return replace(old, **changes) if changes else old


def count(row: FolderRow, by: int, sums: Sums) -> None:
    """Add this row to its import's sums, `by` times."""
    sums["folders_found", ""] += by
    if row.closed:
        sums["folders_listed", ""] += by
    elif row.failed_at is not None:
        sums["folders_failed", ""] += by
