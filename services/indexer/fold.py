"""Events into rows: pure. Each kind of row has a module that says which rows an event makes, how
two rows of one key are merged, and what a row adds to its import's sums.

Every merge takes the greatest under a total order. So any order, repetition and splitting of a
history into batches gives the same rows, and a batch that is read twice changes nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from services.adapters.catalog.rows import FileRow, FolderRow, Key, Row, Rows
from services.indexer import files, folders, images, imports
from services.indexer.merge import Sums
from services.indexer.record import LogRecord

Counted = TypeVar("Counted", FileRow, FolderRow)


def rows_of(records: Iterable[LogRecord]) -> Rows:
    """The rows that these records make by themselves, without sums and states of imports."""
    rows = Rows()
    for record in records:
        for asked in imports.rows_of(record.event):
            _put(rows.imports, asked.id, asked, imports.merged)
        for folder in folders.rows_of(record.event):
            _put(rows.folders, (folder.import_id, folder.folder_id), folder, folders.merged)
        for file in files.rows_of(record):
            _put(rows.files, (file.import_id, file.file_id), file, files.merged)
        for image in images.rows_of(record.event):
            _put(rows.images, image.google_drive_id, image, images.merged)
    return rows


def fold(before: Rows, batch: Rows) -> Rows:
    """The rows of `before` merged with those of a batch, and the sums and states that follow.

    `before` must hold what exists of the batch's rows, and the root folder of each import. It is
    not changed: a row that stays as it was is the same object in both.
    """
    after = Rows(
        imports=_joined(before.imports, batch.imports, imports.merged),
        folders=_joined(before.folders, batch.folders, folders.merged),
        files=_joined(before.files, batch.files, files.merged),
        images=_joined(before.images, batch.images, images.merged),
    )
    sums: defaultdict[str, Sums] = defaultdict(lambda: defaultdict(int))
    _count_changes(sums, before.folders, after.folders, folders.count)
    _count_changes(sums, before.files, after.files, files.count)
    for key, row in after.imports.items():
        root = after.folders.get((key, row.folder_id or ""))
        after.imports[key] = imports.with_state(imports.with_sums(row, sums[key]), root)
    return after


def _joined(
    before: Mapping[Key, Row], batch: Mapping[Key, Row], merged: Callable[[Row, Row], Row]
) -> dict[Key, Row]:
    rows = dict(before)
    for key, row in batch.items():
        _put(rows, key, row, merged)
    return rows


def _put(rows: dict[Key, Row], key: Key, new: Row, merged: Callable[[Row, Row], Row]) -> None:
    old = rows.get(key)
    rows[key] = new if old is None else merged(old, new)


def _count_changes(
    sums: Mapping[str, Sums],
    before: Mapping[Key, Counted],
    after: Mapping[Key, Counted],
    count: Callable[[Counted, int, Sums], None],
) -> None:
    """Add what changed rows add to their import's sums now, less what they added before."""
    for key, row in after.items():
        old = before.get(key)
        if row is not old:
            count(row, 1, sums[row.import_id])
            if old is not None:
                count(old, -1, sums[row.import_id])
