"""A batch of events, folded into rows. Pure.

Two rows of one key become one: each group of columns is taken from the greater row. Every order is
total. So any order, repetition and splitting of a history into batches gives the same rows, and a
batch that is read twice changes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from services.adapters.catalog.rows import FileRow, FolderRow, ImageRow, ImportRow, Key, Row, Rows
from services.adapters.catalog.views.imports import ENDED_STATES, ImportState
from services.indexer import record, replays

T = TypeVar("T", bound=Struct)
Sums = defaultdict[tuple[str, str], int]
"""What is added to an import's columns: by column, and by reason where a column counts those."""
BY_REASON = ("skipped", "failures")
ROUNDS = (("tried_round",), ("retry_round",))
MOST_OUTCOMES = 20
"""That a row remembers the places of."""
PLACE = ("folder_id", "path")
"""Of the folders in which a file was found, the smallest id counts (decisions/0026)."""
PICTURE = ("name", "mime_type", "width", "height", "modified_at")
OBJECT = ("size", "md5", "sha256", "content_type")
GROUPS: dict[type[Struct], Sequence[Sequence[str]]] = {
    ImportRow: (
        ("requested_at", "folder_id", "folder_url"),
        ("folder_named_at", "name"),
        ("epoch", "control"),  # of one epoch, the graver: see core/control.py
        ("cancelled",),
        ("round",),
        ("first_stored_at",),
        ("updated_at",),
    ),
    FolderRow: (("failed_at", "reason", "message"), ("path",), ("closed",), *ROUNDS),
    FileRow: (
        ("metadata_source", "metadata_at", "size", "name", "mime_type"),
        ("metadata_source", *PLACE),
        ("listed",),
        ("skip_reason",),
        *ROUNDS,
    ),
    # Object and metadata both begin with Drive's version, so they are of one version.
    ImageRow: (
        ("drive_version", "fetched", "updated_at", "storage_path", *OBJECT),
        # A version lies in the same folders for ever; their own names may change.
        ("drive_version", "folder_id", "metadata_at", *PICTURE, "path"),
        ("created_at",),
    ),
}
_GETTERS = {
    row: [(columns, attrgetter(*columns)) for columns in groups] for row, groups in GROUPS.items()
}
OF_IMPORTS = ("imports", "folders", "files", "images")
LEAST = {"requested_at", "first_stored_at", "created_at", "control", "folder_id"}
"""By these columns, the smaller row counts."""


def rows_of(records: Iterable[record.LogRecord], rows: Rows | None = None) -> Rows:
    """The rows that these records make by themselves, without sums and states of imports; merged
    into `rows`, if they are given."""
    rows = Rows() if rows is None else rows
    times: dict[str, record.Times] = {}
    for one in records:
        if isinstance(one.event, record.OUTCOMES):
            record.add_time(times, one.event)
        for row in record.rows_of(one):
            _add_row(rows, row)
        replays.add(rows, one)
    for id, (first, newest) in times.items():
        _put(rows.imports, id, ImportRow(id=id, first_stored_at=first, updated_at=newest))
    return rows


def _add_row(rows: Rows, row: ImportRow | FolderRow | FileRow | ImageRow) -> None:
    match row:
        case FileRow():
            _put(rows.files, (row.import_id, row.file_id), row)
        case ImageRow():
            _put(rows.images, row.google_drive_id, row)
        case ImportRow():
            _put(rows.imports, row.id, row)
        case FolderRow():
            _put(rows.folders, (row.import_id, row.folder_id), row)


def add(rows: Rows, more: Rows) -> None:
    """Merge more rows that records made into `rows`."""
    for field in OF_IMPORTS:
        for key, row in getattr(more, field).items():
            _put(getattr(rows, field), key, row)
    replays.merge(rows, more)


def fold(before: Rows, batch: Rows) -> Rows:
    """The rows of `before` merged with those of a batch, and the sums and states that follow.

    `before` must hold what exists of the batch's rows, and the root folder of each import. It is
    not changed: a row that stays as it was is the same object in both.
    """
    after = Rows(
        imports=_joined(before.imports, batch.imports),
        folders=_joined(before.folders, batch.folders),
        files=_joined(before.files, batch.files),
        images=_joined(before.images, batch.images),
    )
    sums: defaultdict[str, Sums] = defaultdict(lambda: defaultdict(int))
    _count_changes(sums, before.folders, after.folders)
    _count_changes(sums, before.files, after.files)
    for key, row in after.imports.items():
        root = after.folders.get((key, row.folder_id or ""))
        after.imports[key] = _with_state(_with_sums(row, sums[key]), root)
    replays.fold(before, batch, after)
    return after


def merged(old: T, new: T) -> T:
    """`old` with the columns in which `new` counts; the same object if there are none. Of two rows
    of a file, the one with the lesser outcome is taken for the new one."""
    if _outcome_order(new) > _outcome_order(old):
        old, new = new, old
    changes: dict[str, Any] = {}
    for columns, values_of in _GETTERS[type(old)]:
        if values_of(old) != values_of(new) and _counts(old, new, columns):
            changes |= {name: getattr(new, name) for name in columns}
    row = replace(old, **changes) if changes else old
    if isinstance(row, FileRow) and isinstance(new, FileRow):
        return cast("T", _with_outcomes(row, new))
    return row


def _counts(old: Struct, new: Struct, columns: Sequence[str]) -> bool:
    """Whether `new` counts by the first column that differs. Null never counts."""
    for column in columns:
        known, other = getattr(old, column), getattr(new, column)
        if known != other:
            return known is None or (other is not None and (other < known) == (column in LEAST))
    return False


def _with_outcomes(row: FileRow, lesser: FileRow) -> FileRow:
    """The row with the state that follows from all that is known now."""
    outcomes = row.outcomes
    if lesser.outcome_at is not None:
        places = {*_places(row), *_places(lesser)}
        outcomes = tuple(sorted(places)[-MOST_OUTCOMES:]) if len(places) > 1 else ()
    state = row.state
    if row.outcome_at is None:
        state = "skipped" if row.skip_reason and not row.listed else "pending"
    elif row.reason is not None:
        state = "failed" if _settled(row) else "pending"
    if (state, outcomes) == (row.state, row.outcomes):
        return row
    return replace(row, state=state, outcomes=outcomes)


def _places(row: FileRow) -> tuple[str, ...]:
    return row.outcomes or (f"{row.topic}/{row.partition}/{row.offset:015}",)


def _settled(row: FileRow | FolderRow) -> bool:
    """Whether no retry of it is under way."""
    return row.tried_round >= row.retry_round


def _outcome_order(row: Struct) -> tuple[object, ...]:
    """Drive's version first, then stored before unchanged before failed, so that neither a failure
    nor a later look displaces what is stored of the same version (decisions/0002)."""
    if not isinstance(row, FileRow) or row.outcome_at is None:
        return ()
    place = row.topic, row.partition, row.offset
    success, stored = row.reason is None, row.state == "stored"
    return row.drive_version, success, stored, row.round, row.outcome_at, *place


def _joined(before: Mapping[Key, Row], batch: Mapping[Key, Row]) -> dict[Key, Row]:
    rows = dict(before)
    for key, row in batch.items():
        _put(rows, key, row)
    return rows


def _put(rows: dict[Key, Row], key: Key, new: Row) -> None:
    old = rows.get(key)
    rows[key] = new if old is None else merged(old, new)


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
        if _settled(row) and row.closed:
            sums["folders_listed", ""] += by
        elif _settled(row) and row.failed_at is not None:
            sums["folders_failed", ""] += by
        return
    if row.state == "skipped":
        sums["skipped", row.skip_reason or "unknown"] += by
        return
    if not row.listed and row.outcome_at is None:
        return  # a retry named it, and what it names is not in the log yet
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
    message = None if root is None or root.closed or not _settled(root) else root.message
    state = _state_of(row, root)
    finished = row.updated_at if state in ENDED_STATES else None
    return replace(row, state=state, message=message, finished_at=finished)


def _state_of(row: ImportRow, root: FolderRow | None) -> ImportState:
    """queued → listing → transferring → completed | completed_with_failures | failed | cancelled,
    or paused."""
    if row.cancelled:
        return "cancelled"
    if row.listed and row.pending == 0:
        return _state_at_the_end(row, root)
    return "paused" if row.control == "paused" else row.running_state


def _state_at_the_end(row: ImportRow, root: FolderRow | None) -> ImportState:
    if root is not None and not root.closed and row.found == 0:
        return "failed"
    if row.failed or row.folders_failed:
        return "completed_with_failures"
    return "completed"
