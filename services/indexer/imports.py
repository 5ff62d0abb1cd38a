"""Rows of `imports`: what was asked, what controls it, its sums, and the state that follows."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from services.adapters.catalog.rows import FolderRow, ImportRow
from services.adapters.catalog.views import ENDED_STATES, ImportState
from services.core import events as e
from services.indexer.merge import Sums, greater

BY_REASON = ("skipped", "failures")
CONTROLS: dict[type[e.ControlEvent], str] = {
    e.ImportPaused: "paused",
    e.ImportResumed: "resumed",
    e.ImportCancelled: "cancelled",
    e.ImportStalled: "stalled",
}


def rows_of(event: e.Message) -> Iterator[ImportRow]:
    """The import that the event is about; none for events that are not of the indexer's topics."""
    match event:
        case e.ImportRequested(requested_at=at):
            yield ImportRow(
                id=event.import_id,
                folder_id=event.folder_id,
                folder_url=event.folder_url,
                requested_at=at,
                updated_at=at,
            )
        case e.FolderNamed(name=name, named_at=at):
            yield ImportRow(id=event.import_id, name=name, folder_named_at=at, updated_at=at)
        case e.ControlEvent(epoch=epoch, at=at):
            control = CONTROLS[type(event)]
            yield ImportRow(id=event.import_id, epoch=epoch, control=control, updated_at=at)
        case e.FileStored(stored_at=at):
            first = None if event.unchanged else at
            yield ImportRow(id=event.import_id, first_stored_at=first, updated_at=at)
        case e.PageListed(listed_at=at):
            yield ImportRow(id=event.import_id, updated_at=at)
        case e.FileFailed(failed_at=at) | e.FolderFailed(failed_at=at):
            yield ImportRow(id=event.import_id, updated_at=at)


def merged(old: ImportRow, new: ImportRow) -> ImportRow:
    """The earliest request, the newest name, the control of the highest epoch; `old`'s sums."""
    changes = (
        greater(old, new, ("requested_at", "folder_id", "folder_url"), least=True)
        | greater(old, new, ("folder_named_at", "name"))
        | greater(old, new, ("epoch", "control"))
        | greater(old, new, ("first_stored_at",), least=True)
        | greater(old, new, ("updated_at",))
    )
    return replace(old, **changes) if changes else old


def with_sums(row: ImportRow, sums: Sums) -> ImportRow:
    """The row with these differences added."""
    changes: dict[str, Any] = {column: Counter(getattr(row, column)) for column in BY_REASON}
    for (column, reason), difference in sums.items():
        if reason:
            changes[column][reason] += difference
        else:
            changes[column] = getattr(row, column) + difference
    for column in BY_REASON:
        changes[column] = {reason: n for reason, n in sorted(changes[column].items()) if n}
    return replace(row, **changes)


def with_state(row: ImportRow, root: FolderRow | None) -> ImportRow:
    """The row with its state, the sentence that explains it, and when it ended."""
    message = None if root is None or root.closed else root.message
    state = _state_of(row, root)
    finished = row.updated_at if state in ENDED_STATES else None
    return replace(row, state=state, message=message, finished_at=finished)


def _state_of(row: ImportRow, root: FolderRow | None) -> ImportState:
    """queued → listing → transferring → completed | completed_with_failures | failed | cancelled,
    or paused. An import is listed when every folder found is closed or failed; the request itself
    opens the root."""
    all_settled = row.folders_listed + row.folders_failed == row.folders_found
    listed = row.requested_at is not None and all_settled
    if listed and row.pending == 0:
        return _state_at_the_end(row, root)
    if row.control == "cancelled":
        return "cancelled"
    if row.control == "paused":
        return "paused"
    if listed:
        return "transferring"
    begun = row.found or row.skipped or row.folders_listed or row.folders_found > 1
    return "listing" if begun else "queued"


def _state_at_the_end(row: ImportRow, root: FolderRow | None) -> ImportState:
    if root is not None and not root.closed and row.found == 0:
        return "failed"
    if row.failed or row.folders_failed:
        return "completed_with_failures"
    return "completed"
