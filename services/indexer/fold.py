"""Events into rows: pure. `touched` says what to load, `fold` merges, counts and derives.

Sums are kept by difference: what a row adds to its import after a merge, less what it added before.
Rows are maxima (`merge.py`) and sums are functions of rows, so order and repetition do not matter.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from msgspec.structs import replace

from services.adapters.catalog.rows import FileRow, FolderRow, ImportRow, Keys, Rows
from services.core import events as e
from services.indexer import merge
from services.indexer.merge import Positioned
from services.indexer.state import concluded

REASONS = ("skipped", "failures")
CONTROLS = {
    e.ImportPaused: "paused",
    e.ImportResumed: "resumed",
    e.ImportCancelled: "cancelled",
    e.ImportStalled: "stalled",
}


def touched(events: Iterable[e.Message]) -> Keys:
    """The keys of all rows that these events may change."""
    keys = Keys()
    for event in events:
        match event:
            case e.ImportRequested():
                keys.folders.add((event.import_id, event.folder_id))
            case e.PageListed():
                _touch_page(keys, event)
            case e.FolderFailed():
                keys.folders.add((event.import_id, event.folder_id))
            case e.FileStored():
                keys.files.add((event.file.import_id, event.file.file_id))
                keys.images.add(event.file.file_id)
            case e.FileFailed():
                keys.files.add((event.import_id, event.file_id))
            case e.WorkerStatus():
                continue
        keys.imports.add(event.import_id)
    return keys


def _touch_page(keys: Keys, event: e.PageListed) -> None:
    job, folder = event.import_id, event.folder_id
    keys.pages.add((job, folder, event.pass_number, event.page_number))
    keys.folders.add((job, folder))
    keys.folders.update((job, opened.id) for opened in event.opened)
    keys.files.update((job, file.id) for file in event.files)
    keys.files.update((job, skipped.id) for skipped in event.skipped)


def fold(rows: Rows, records: Iterable[Positioned]) -> Rows:
    """The rows after these records. `rows` must hold what exists of `touched`, and is not changed;
    of each import it must hold the root folder's row too."""
    folding = _Folding(rows.copy())
    for record in records:
        folding.take(record)
    folding.conclude()
    return folding.rows


class _Folding:
    """One batch under way."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._sums: dict[str, Counter[tuple[str, str]]] = {}

    def take(self, record: Positioned) -> None:
        event = record.event
        match event:
            case e.ImportRequested():
                self._requested(event)
            case e.PageListed():
                self._listed(record, event)
            case e.FolderFailed():
                change = partial(merge.failed_folder, event=event)
                self._folder(event.import_id, event.folder_id, change)
                self._seen(event.import_id, event.failed_at)
            case e.FileStored():
                self._stored(record, event)
            case e.FileFailed():
                self._decided(record, event.import_id, event.file_id)
                self._seen(event.import_id, event.failed_at)
            case e.ImportPaused() | e.ImportResumed() | e.ImportCancelled() | e.ImportStalled():
                self._controlled(event)
            case _:
                pass  # not of the indexer's topics

    def _requested(self, event: e.ImportRequested) -> None:
        row = self._import(event.import_id)
        asked = event.requested_at, event.folder_id, event.folder_url, event.mode.value
        known = row.requested_at, row.folder_id, row.folder_url, row.mode
        if row.requested_at is None or asked < known:
            row = replace(
                row,
                requested_at=event.requested_at,
                folder_id=event.folder_id,
                folder_url=event.folder_url,
                mode=event.mode.value,
            )
        self.rows.imports[event.import_id] = row
        self._folder(event.import_id, event.folder_id, partial(merge.opened, path=()))
        self._seen(event.import_id, event.requested_at)

    def _controlled(
        self, event: e.ImportPaused | e.ImportResumed | e.ImportCancelled | e.ImportStalled
    ) -> None:
        row = self._import(event.import_id)
        control = CONTROLS[type(event)]
        if (event.epoch, control) > (row.epoch, row.control or ""):
            row = replace(row, epoch=event.epoch, control=control)
        self.rows.imports[event.import_id] = row
        self._seen(event.import_id, event.at)

    def _listed(self, record: Positioned, event: e.PageListed) -> None:
        job, folder = event.import_id, event.folder_id
        page = merge.page_of(record, event)
        key = (job, folder, page.pass_number, page.page_number)
        known = self.rows.pages.get(key)
        self.rows.pages[key] = page if known is None else merge.latest_page((known, page))
        for child in event.opened:
            self._folder(job, child.id, partial(merge.opened, path=(*event.path, child.name)))
        for file in event.files:
            what = FileRow(
                import_id=job,
                file_id=file.id,
                listed=True,
                name=file.name,
                mime_type=file.mime_type,
                size=file.size,
                folder_id=folder,
                path=event.path,
            )
            self._described(what, merge.BY_MANIFEST, event.listed_at)
        for entry in event.skipped:
            what = FileRow(
                import_id=job,
                file_id=entry.id,
                skip_reason=entry.reason,
                name=entry.name,
                mime_type=entry.mime_type,
                size=entry.size,
                folder_id=folder,
                path=event.path,
            )
            self._described(what, merge.BY_SKIP, event.listed_at)
        self._closed_or_open(event)
        self._seen(job, event.listed_at)

    def _closed_or_open(self, event: e.PageListed) -> None:
        change = merge.closed if event.closes else merge.opened
        self._folder(event.import_id, event.folder_id, partial(change, path=event.path))

    def _described(self, what: FileRow, by: int, at: datetime) -> None:
        old = self.rows.files.get((what.import_id, what.file_id))
        row = old or FileRow(import_id=what.import_id, file_id=what.file_id)
        row = merge.described(row, by, at, what)
        reason = max(row.skip_reason or "", what.skip_reason or "") or None
        row = replace(row, listed=row.listed or what.listed, skip_reason=reason)
        self._file(old, merge.settled(row))

    def _stored(self, record: Positioned, event: e.FileStored) -> None:
        file = event.file
        self._decided(record, file.import_id, file.file_id)
        image = merge.newest_image(self.rows.images.get(file.file_id), merge.image_of(event))
        self.rows.images[file.file_id] = image
        self._seen(file.import_id, event.stored_at)
        if not event.unchanged:
            self._first_stored(file.import_id, event.stored_at)

    def _first_stored(self, job: str, at: datetime) -> None:
        row = self._import(job)
        if row.first_stored_at is None or at < row.first_stored_at:
            self.rows.imports[job] = replace(row, first_stored_at=at)

    def _decided(self, record: Positioned, job: str, file_id: str) -> None:
        old = self.rows.files.get((job, file_id))
        outcome = merge.outcome_of(record)
        row = outcome if old is None else merge.decided(old, outcome)
        self._file(old, row)

    def _file(self, old: FileRow | None, new: FileRow) -> None:
        self.rows.files[new.import_id, new.file_id] = new
        sums = self._sums.setdefault(new.import_id, Counter())
        sums.update(_of_file(new))
        if old is not None:
            sums.subtract(_of_file(old))

    def _folder(self, job: str, folder_id: str, change: Callable[[FolderRow], FolderRow]) -> None:
        old = self.rows.folders.get((job, folder_id))
        new = change(old or FolderRow(import_id=job, folder_id=folder_id))
        self.rows.folders[job, folder_id] = new
        sums = self._sums.setdefault(job, Counter())
        sums.update(_of_folder(new))
        if old is not None:
            sums.subtract(_of_folder(old))

    def _import(self, job: str) -> ImportRow:
        return self.rows.imports.get(job) or ImportRow(id=job)

    def _seen(self, job: str, at: datetime) -> None:
        row = self._import(job)
        if row.last_event_at is None or at > row.last_event_at:
            row = replace(row, last_event_at=at)
        self.rows.imports[job] = row

    def conclude(self) -> None:
        """Add the sums to their imports, and derive each import's state."""
        for job, row in self.rows.imports.items():
            row = _added(row, self._sums.get(job, Counter()))
            root = self.rows.folders.get((job, row.folder_id or ""))
            self.rows.imports[job] = concluded(row, root)


def _of_file(row: FileRow) -> Counter[tuple[str, str]]:
    if row.state == "skipped":
        return Counter({("skipped", row.skip_reason or "unknown"): 1})
    sums = Counter({("found", ""): 1, (row.state, ""): 1, ("found_bytes", ""): row.size or 0})
    if row.state == "failed":
        sums["failures", row.reason or "unknown"] += 1
    if row.state == "stored":
        sums["stored_bytes", ""] += row.stored_size or 0
    return sums


def _of_folder(row: FolderRow) -> Counter[tuple[str, str]]:
    sums = Counter({("folders_found", ""): 1})
    if row.closed:
        sums["folders_listed", ""] += 1
    elif row.failed_at is not None:
        sums["folders_failed", ""] += 1
    return sums


def _added(row: ImportRow, sums: Counter[tuple[str, str]]) -> ImportRow:
    reasons = {kind: Counter(getattr(row, kind)) for kind in REASONS}
    numbers: dict[str, int] = {}
    for (kind, reason), difference in sums.items():
        if kind in reasons:
            reasons[kind][reason] += difference
        elif difference:
            numbers[kind] = getattr(row, kind) + difference
    return replace(
        row,
        **numbers,
        **{
            kind: {r: n for r, n in sorted(counts.items()) if n} for kind, counts in reasons.items()
        },
    )
