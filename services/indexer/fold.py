"""Events into rows: pure. `record.py` makes rows, `merge.py` merges them. Here a batch is
folded, and an import's sums and state follow from its folders and files.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from services.adapters.catalog.rows import FileRow, FolderRow, ImageRow, ImportRow, Key, Row, Rows
from services.adapters.catalog.views import ENDED_STATES, ImportState
from services.indexer import record
from services.indexer.merge import merged, merged_file

Sums = defaultdict[tuple[str, str], int]
"""What is added to an import's columns: by column, and by reason where a column counts those."""
BY_REASON = ("skipped", "failures")


def rows_of(records: Iterable[record.LogRecord]) -> Rows:
    """The rows that these records make by themselves, without sums and states of imports."""
    rows = Rows()
    for one in records:
        for row in record.rows_of(one):
            match row:
                case FileRow():
                    _put(rows.files, (row.import_id, row.file_id), row, merged_file)
                case ImportRow():
                    _put(rows.imports, row.id, row, merged)
                case FolderRow():
                    _put(rows.folders, (row.import_id, row.folder_id), row, merged)
                case ImageRow():
                    _put(rows.images, row.google_drive_id, row, merged)
    return rows


def fold(before: Rows, batch: Rows) -> Rows:
    """The rows of `before` merged with those of a batch, and the sums and states that follow.

    `before` must hold what exists of the batch's rows, and the root folder of each import. It is
    not changed: a row that stays as it was is the same object in both.
    """
    after = Rows(
        imports=_joined(before.imports, batch.imports, merged),
        folders=_joined(before.folders, batch.folders, merged),
        files=_joined(before.files, batch.files, merged_file),
        images=_joined(before.images, batch.images, merged),
    )
    sums: defaultdict[str, Sums] = defaultdict(lambda: defaultdict(int))
    _count_changes(sums, before.folders, after.folders)
    _count_changes(sums, before.files, after.files)
    for key, row in after.imports.items():
        root = after.folders.get((key, row.folder_id or ""))
        after.imports[key] = _with_state(_with_sums(row, sums[key]), root)
    return after


def _joined(
    before: Mapping[Key, Row], batch: Mapping[Key, Row], merge: Callable[[Row, Row], Row]
) -> dict[Key, Row]:
    rows = dict(before)
    for key, row in batch.items():
        _put(rows, key, row, merge)
    return rows


def _put(rows: dict[Key, Row], key: Key, new: Row, merge: Callable[[Row, Row], Row]) -> None:
    old = rows.get(key)
    rows[key] = new if old is None else merge(old, new)


def _count_changes(
    sums: Mapping[str, Sums],
    before: Mapping[Key, FolderRow | FileRow],
    after: Mapping[Key, FolderRow | FileRow],
) -> None:
    """Add what changed rows add to their import's sums now, less what they added before."""
    for key, row in after.items():
        old = before.get(key)
        if row is not old:
            _count(row, 1, sums[row.import_id])
            if old is not None:
                _count(old, -1, sums[row.import_id])


def _count(row: FolderRow | FileRow, by: int, sums: Sums) -> None:
    if isinstance(row, FolderRow):
        sums["folders_found", ""] += by
        if row.closed:
            sums["folders_listed", ""] += by
        elif row.failed_at is not None:
            sums["folders_failed", ""] += by
        return
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


def _with_sums(row: ImportRow, sums: Sums) -> ImportRow:
    changes: dict[str, Any] = {column: Counter(getattr(row, column)) for column in BY_REASON}
    for (column, reason), difference in sums.items():
        if reason:
            changes[column][reason] += difference
        else:
            changes[column] = getattr(row, column) + difference
    for column in BY_REASON:
        changes[column] = {reason: n for reason, n in sorted(changes[column].items()) if n}
    return replace(row, **changes)


def _with_state(row: ImportRow, root: FolderRow | None) -> ImportRow:
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
