"""Rows of `imports`: what was asked, what controls it, its sums, and the state that follows."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from services.adapters.catalog.rows import ENDED, FolderRow, ImportRow
from services.core import events as e

Sums = defaultdict[tuple[str, str], int]
"""What is added to an import's columns: by column, and by reason where a column counts those."""

BY_REASON = ("skipped", "failures")
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
CONTROLS: dict[type[e.ControlEvent], str] = {
    e.ImportPaused: "paused",
    e.ImportResumed: "resumed",
    e.ImportCancelled: "cancelled",
    e.ImportStalled: "stalled",
}


def keys(event: e.Message) -> Iterator[str]:
    """The import that the event is about."""
    if not isinstance(event, e.WorkerStatus):
        yield event.import_id


def merge(rows: dict[str, ImportRow], event: e.Message) -> None:
    """Put what the event says of its import into the import's row."""
    at = _time_of(event)
    if at is None or isinstance(event, e.WorkerStatus):
        return
    row = rows.get(event.import_id) or ImportRow(id=event.import_id)
    match event:
        case e.ImportRequested():
            row = _with_request(row, event)
        case e.FolderNamed():
            row = _with_folder_name(row, event)
        case e.ControlEvent():
            row = _with_control(row, event)
        case e.FileStored(unchanged=False):
            if row.first_stored_at is None or at < row.first_stored_at:
                row = replace(row, first_stored_at=at)
    if row.last_event_at is None or at > row.last_event_at:
        row = replace(row, last_event_at=at)
    rows[event.import_id] = row


def _time_of(event: e.Message) -> datetime | None:
    """When it happened; None for events that are not of the indexer's topics."""
    match event:
        case e.FileStored():
            return event.stored_at
        case e.FileFailed() | e.FolderFailed():
            return event.failed_at
        case e.PageListed():
            return event.listed_at
        case e.FolderNamed():
            return event.named_at
        case e.ImportRequested():
            return event.requested_at
        case e.ControlEvent():
            return event.at
    return None


def _with_request(row: ImportRow, event: e.ImportRequested) -> ImportRow:
    """The earliest request counts."""
    asked = event.requested_at, event.folder_id, event.folder_url
    known = row.requested_at, row.folder_id, row.folder_url
    if row.requested_at is not None and known <= asked:
        return row
    requested_at, folder_id, folder_url = asked
    return replace(row, requested_at=requested_at, folder_id=folder_id, folder_url=folder_url)


def _with_folder_name(row: ImportRow, event: e.FolderNamed) -> ImportRow:
    """The newest name counts."""
    known = row.folder_named_at or LONG_AGO, row.folder_name or ""
    if row.folder_name is not None and (event.named_at, event.name) <= known:
        return row
    return replace(row, folder_name=event.name, folder_named_at=event.named_at)


def _with_control(row: ImportRow, event: e.ControlEvent) -> ImportRow:
    """The control of the highest epoch counts."""
    control = CONTROLS[type(event)]
    if (event.epoch, control) <= (row.epoch, row.control or ""):
        return row
    return replace(row, epoch=event.epoch, control=control)


def with_sums(row: ImportRow, sums: Sums) -> ImportRow:
    """The row with these differences added."""
    changes: dict[str, int] = {}
    reasons = {column: defaultdict(int, getattr(row, column)) for column in BY_REASON}
    for (column, reason), difference in sums.items():
        if column in reasons:
            reasons[column][reason] += difference
        else:
            changes[column] = getattr(row, column) + difference
    counts = {
        column: {reason: n for reason, n in sorted(by_reason.items()) if n}
        for column, by_reason in reasons.items()
    }
    return replace(row, **changes, **counts)


def with_state(row: ImportRow, root: FolderRow | None) -> ImportRow:
    """The row with its state, the sentence that explains it, and when it ended."""
    message = None if root is None or root.closed else root.message
    state = _state_of(row, root)
    finished = row.last_event_at if state in ENDED else None
    return replace(row, state=state, message=message, finished_at=finished)


def _state_of(row: ImportRow, root: FolderRow | None) -> str:
    """queued → listing → transferring → completed | completed_with_failures | failed | cancelled,
    or paused. An import is listed when every folder found is closed or failed; the request itself
    opens the root."""
    all_settled = row.folders_listed + row.folders_failed == row.folders_found
    listed = row.requested_at is not None and all_settled
    if listed and row.pending == 0:
        return _state_at_the_end(row, root)
    if row.control in ("cancelled", "paused"):
        return row.control
    if listed:
        return "transferring"
    begun = row.found or row.skipped or row.folders_listed or row.folders_found > 1
    return "listing" if begun else "queued"


def _state_at_the_end(row: ImportRow, root: FolderRow | None) -> str:
    if root is not None and not root.closed and row.found == 0:
        return "failed"
    if row.failed or row.folders_failed:
        return "completed_with_failures"
    return "completed"
