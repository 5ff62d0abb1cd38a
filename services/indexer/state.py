"""The state of an import: a function of facts, never set by hand."""

from msgspec.structs import replace

from services.adapters.catalog.rows import FolderRow, ImportRow

ENDED = ("completed", "completed_with_failures", "failed", "cancelled")


def concluded(row: ImportRow, root: FolderRow | None) -> ImportRow:
    """The row with its state, the sentence that explains it, and when it ended."""
    state = state_of(row, root)
    message = None
    if root is not None and not root.closed and root.message:
        message = root.message
    finished = row.last_event_at if state in ENDED else None
    if (state, message, finished) == (row.state, row.message, row.finished_at):
        return row
    return replace(row, state=state, message=message, finished_at=finished)


def state_of(row: ImportRow, root: FolderRow | None) -> str:
    """queued → listing → transferring → completed | completed_with_failures | failed | cancelled,
    or paused. An import is listed when every folder opened is closed or failed; the request itself
    opens the root."""
    settled = row.folders_listed + row.folders_failed == row.folders_found
    listed = row.requested_at is not None and settled
    if listed and row.pending == 0:
        return _ended(row, root)
    if row.control == "cancelled":
        return "cancelled"
    if row.control == "paused":
        return "paused"
    if listed:
        return "transferring"
    begun = row.found or row.skipped or row.folders_listed or row.folders_found > 1
    return "listing" if begun else "queued"


def _ended(row: ImportRow, root: FolderRow | None) -> str:
    if root is not None and not root.closed and row.found == 0:
        return "failed"
    if row.failed or row.folders_failed:
        return "completed_with_failures"
    return "completed"
