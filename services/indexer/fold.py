"""Events into rows: pure. Each kind of row has a module that says which rows an event affects, how
it changes them, and what they add to their import's sums.

Every merge takes the greatest under a total order. So any order, repetition and splitting of a
history into batches gives the same rows, and a batch that is read twice changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable

from services.adapters.catalog.rows import Keys, Rows
from services.core.events import Message
from services.indexer import files, folders, images, imports
from services.indexer.imports import Sums
from services.indexer.record import LogRecord


def affected_keys(events: Iterable[Message]) -> Keys:
    """The keys of all rows that these events may change."""
    keys = Keys()
    for event in events:
        keys.imports.update(imports.keys(event))
        keys.folders.update(folders.keys(event))
        keys.files.update(files.keys(event))
        keys.images.update(images.keys(event))
    return keys


def fold(before: Rows, records: Iterable[LogRecord]) -> Rows:
    """The rows after these records.

    `before` must hold what exists of `affected_keys`, and the root folder of each import. It is not
    changed.
    """
    after = before.copy()
    for record in records:
        imports.merge(after.imports, record.event)
        folders.merge(after.folders, record.event)
        files.merge(after.files, record)
        images.merge(after.images, record.event)
    sums = _differences(before, after)
    for key, row in after.imports.items():
        root = after.folders.get((key, row.folder_id or ""))
        after.imports[key] = imports.with_state(imports.with_sums(row, sums[key]), root)
    return after


def _differences(before: Rows, after: Rows) -> defaultdict[str, Sums]:
    """By import: what its rows add to its sums now, less what they added before."""
    sums: defaultdict[str, Sums] = defaultdict(lambda: defaultdict(int))
    for key, file in after.files.items():
        old = before.files.get(key)
        if file is not old:
            files.count(file, 1, sums[file.import_id])
            if old is not None:
                files.count(old, -1, sums[file.import_id])
    for key, folder in after.folders.items():
        known = before.folders.get(key)
        if folder is not known:
            folders.count(folder, 1, sums[folder.import_id])
            if known is not None:
                folders.count(known, -1, sums[folder.import_id])
    return sums
