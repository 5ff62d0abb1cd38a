"""A catalog in memory, filled with the rows that the indexer would write. Passes the contract."""

import asyncio
import operator
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace

from services.adapters.catalog.replica import ReplicaWatch
from services.adapters.catalog.rows import (
    FROM_FOUND,
    FileRow,
    FolderRow,
    ImageRow,
    ImportRow,
    ReplayRow,
    Rows,
)
from services.adapters.catalog.views.files import FileDetails, ImportFile, ManifestRow
from services.adapters.catalog.views.images import (
    ImageDetails,
    ImageFilter,
    ImageFolder,
    ImagePlace,
    ImageSections,
    ListedImage,
)
from services.adapters.catalog.views.imports import (
    FailedFolder,
    ImportPlace,
    ImportProgress,
    RetryFilter,
)
from services.adapters.catalog.views.replays import ReplayFile, ReplayProgress, SelectionCounts
from services.core.errors import SetAside, TryAgain, Verdict
from services.core.events import ReplayScope, Selection
from tests.fakes.selection import counted

OPEN = ("queued", "listing", "transferring")
UNREADABLE = SetAside("bad_value", "A name, id or cursor has a character that is not allowed.")


class FakeCatalog:
    """`ReadsCatalog` on dictionaries. `trouble` is raised by every query while it is set;
    `breaks_after` makes a whole list fail after so many pages. `pages_read` counts pages."""

    def __init__(self, page_rows: int = 2) -> None:
        self._page_rows = page_rows
        self.trouble: Verdict | None = None
        self.breaks_after: int | None = None
        self.pages_read = 0
        self.live_reads = 0
        self.uncounted = False
        self.consumed: dict[tuple[str, int], tuple[str, int]] = {}
        self.replica: ReplicaWatch | None = None
        self._rows = Rows()
        self._ids: dict[str, int] = {}
        self._changed: Callable[[], None] = lambda: None

    async def follow(self, changed: Callable[[], None]) -> None:
        """Call it after each `fill`, until cancelled, as PostgreSQL notifies."""
        self._changed = changed
        await asyncio.get_running_loop().create_future()

    def fill(self, rows: Rows) -> None:
        """Add rows, or replace those of the same keys."""
        self._rows.imports |= rows.imports
        self._rows.folders |= rows.folders
        self._rows.files |= rows.files
        self._rows.images |= rows.images
        self._rows.replays |= rows.replays
        self._rows.replay_files |= rows.replay_files
        for drive_id in rows.images:
            self._ids.setdefault(drive_id, len(self._ids) + 1)
        self._changed()

    async def check(self) -> str:
        """As the port says."""
        self._answer()
        return ""

    async def consumed_offsets(self) -> Mapping[tuple[str, int], int]:
        """As the port says."""
        self._answer()
        return {place: offset for place, (_, offset) in self.consumed.items()}

    async def every_image(self, wanted: ImageFilter) -> AsyncIterator[Sequence[ListedImage]]:
        """As the port says."""
        after: ImagePlace | None = None
        number = 0
        while True:
            if number == self.breaks_after:
                raise TryAgain("database_unavailable", "The database is not responding.")
            page = await self.images(wanted, after=after, limit=self._page_rows)
            self.pages_read += 1
            number += 1
            if page:
                yield page
            if len(page) < self._page_rows:
                return
            after = wanted.place_of(page[-1])

    async def images(
        self, wanted: ImageFilter, *, after: ImagePlace | None, limit: int
    ) -> Sequence[ListedImage]:
        """As the port says."""
        self._answer(wanted.import_id, wanted.folder_id, wanted.name, wanted.content_type)
        self._answer(str(after.value) if after else None)
        chosen = sorted(
            self._chosen(wanted),
            key=lambda image: _place(wanted.place_of(image)),
            reverse=wanted.descending,
        )
        if after is not None:
            behind = operator.lt if wanted.descending else operator.gt
            if after.included:
                behind = operator.le if wanted.descending else operator.ge
            chosen = [i for i in chosen if behind(_place(wanted.place_of(i)), _place(after))]
        return chosen[:limit]

    async def count_images(self, wanted: ImageFilter) -> int | None:
        """As the port says; `uncounted` makes it too slow."""
        self._answer(wanted.import_id, wanted.folder_id, wanted.name, wanted.content_type)
        return None if self.uncounted else len(self._chosen(wanted))

    async def image_sections(
        self, wanted: ImageFilter, *, every: int, image: str | None
    ) -> ImageSections:
        """As the port says; `uncounted` makes it too slow."""
        if self.uncounted:
            raise TryAgain("database_slow", "The database took too long to answer.")
        self._answer(image)
        found = await self.images(wanted, after=None, limit=len(self._rows.images))
        starts = [wanted.place_of(each)._replace(included=True) for each in found[::every]]
        places = {each.google_drive_id: number for number, each in enumerate(found)}
        return ImageSections(len(found), starts, places.get(image) if image else None)

    async def image_folders(
        self, import_id: str, *, after: str | None, limit: int
    ) -> Sequence[ImageFolder]:
        """As the port says."""
        self._answer(import_id, after)
        images = self._chosen(ImageFilter(import_id=import_id))
        inside = Counter(self._rows.images[each.google_drive_id].folder_id for each in images)
        rows = [row for row in self._rows.folders.values() if row.import_id == import_id]
        rows = sorted(
            (row for row in rows if row.folder_id > (after or "")), key=lambda row: row.folder_id
        )
        return [ImageFolder(r.folder_id, r.path, inside[r.folder_id]) for r in rows[:limit]]

    async def image(self, google_drive_id: str) -> ImageDetails | None:
        """As the port says."""
        self._answer(google_drive_id)
        row = self._rows.images.get(google_drive_id)
        if row is None:
            return None
        fields = asdict(row) | {"id": self._ids[google_drive_id], "path": "/".join(row.path)}
        fields["content_type"] = _content_type(row)
        return ImageDetails(**{name: fields[name] for name in ImageDetails.__struct_fields__})

    async def imports(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportProgress]:
        """As the port says."""
        self._answer(before.id if before else None)
        placed = {
            ImportPlace(row.requested_at, row.id): row
            for row in self._rows.imports.values()
            if row.requested_at is not None
        }
        older = sorted((p for p in placed if before is None or p < before), reverse=True)
        return [_progress(placed[place]) for place in older[:limit]]

    async def imports_by_id(self, ids: Collection[str]) -> Mapping[str, ImportProgress]:
        """As the port says."""
        self._answer(*ids)
        found = self._rows.imports
        return {id: _progress(found[id]) for id in ids if id in found}

    async def import_files(
        self,
        import_id: str,
        *,
        state: str | None,
        reason: str | None = None,
        after: str | None,
        limit: int,
    ) -> Sequence[ImportFile]:
        """As the port says."""
        self._answer(import_id, after)
        rows = sorted(self._files_of(import_id), key=lambda row: row.file_id)
        rows = [row for row in rows if state in (None, row.state) and reason in (None, row.reason)]
        chosen = [row for row in rows if row.file_id > (after or "")]
        return [_file(row) for row in chosen[:limit]]

    async def every_file(
        self, import_id: str, *, in_store: bool
    ) -> AsyncIterator[Sequence[ManifestRow]]:
        """As the port says."""
        rows = sorted(self._files_of(import_id), key=lambda row: row.file_id)
        if in_store:
            kept = ("stored", "unchanged")
            rows = [row for row in rows if row.state in kept and row.object_key]
        for number, start in enumerate(range(0, max(len(rows), 1), self._page_rows)):
            self._answer(import_id)
            if number == self.breaks_after:
                raise TryAgain("database_unavailable", "The database does not answer.")
            if page := [self._manifest(row) for row in rows[start : start + self._page_rows]]:
                yield page

    def _manifest(self, row: FileRow) -> ManifestRow:
        image = self._rows.images.get(row.file_id)
        size = row.size if row.stored_size is None else row.stored_size
        fields = _file_fields(row) | {"size": size}
        fields["content_type"] = None
        if image and image.storage_path.endswith(f"/{row.object_key}"):
            fields["sha256"] = row.sha256 or image.sha256
            fields["content_type"] = _content_type(image)
        return ManifestRow(**{name: fields[name] for name in ManifestRow.__struct_fields__})

    async def import_file(self, import_id: str, file_id: str) -> FileDetails | None:
        """As the port says."""
        self._answer(import_id, file_id)
        row = self._rows.files.get((import_id, file_id))
        if row is None:
            return None
        place = (f"{row.topic}/{row.partition}/{row.offset}",) if row.topic else ()
        fields = _file_fields(row) | {"outcomes": row.outcomes or place}
        return FileDetails(**{name: fields[name] for name in FileDetails.__struct_fields__})

    async def live_imports(
        self, ids: Collection[str], *, newest: int, most_open: int
    ) -> Mapping[str, ImportProgress]:
        """As the port says."""
        self._answer(*ids)
        self.live_reads += 1
        found = self._rows.imports
        listed = [row.id for row in await self.imports(before=None, limit=newest)]
        open_ids = [row.id for row in found.values() if row.state in OPEN][:most_open]
        return {id: _progress(found[id]) for id in {*ids, *listed, *open_ids} if id in found}

    async def failed_folders(
        self, ids: Collection[str], *, limit: int
    ) -> Mapping[str, Sequence[FailedFolder]]:
        """As the port says."""
        self._answer(*ids)
        rows = sorted(self._rows.folders.values(), key=lambda row: (row.path, row.folder_id))
        failed = [(row.import_id, folder) for row in rows if (folder := _failed(row))]
        return {id: [folder for owner, folder in failed if owner == id][:limit] for id in ids}

    async def count_selection(
        self, wanted: Selection, scope: ReplayScope, *, even_halted: bool = False
    ) -> SelectionCounts:
        """As the port says."""
        self._answer(*wanted.imports, *wanted.folders, *wanted.files)
        found = counted(self._rows, wanted, scope, even_halted=even_halted)
        return replace(found, consumed=self.consumed)

    async def replays(self, *, before: ImportPlace | None, limit: int) -> Sequence[ReplayProgress]:
        """As the port says."""
        self._answer(before.id if before else None)
        placed = {
            ImportPlace(row.requested_at, row.id): row
            for row in self._rows.replays.values()
            if row.requested_at is not None
        }
        older = sorted((p for p in placed if before is None or p < before), reverse=True)
        return [_replay(placed[place]) for place in older[:limit]]

    async def replays_by_id(self, ids: Collection[str]) -> Mapping[str, ReplayProgress]:
        """As the port says."""
        self._answer(*ids)
        found = self._rows.replays
        return {id: _replay(found[id]) for id in ids if id in found}

    async def pending_of_replay(self, replay_id: str, *, limit: int) -> Sequence[ReplayFile]:
        """As the port says."""
        self._answer(replay_id)
        keys = [
            (row.import_id, row.file_id)
            for row in self._rows.replay_files.values()
            if row.replay_id == replay_id and row.state == "pending"
        ]
        files = self._rows.files
        return [
            ReplayFile(
                import_id=key[0],
                google_drive_id=key[1],
                name=files[key].name if key in files else "",
            )
            for key in sorted(keys)[:limit]
        ]

    async def files_to_retry(
        self, import_id: str, wanted: RetryFilter, *, after: str | None, limit: int
    ) -> Sequence[str]:
        """As the port says."""
        self._answer(import_id, after)
        return _next({row.file_id for row in self._failed_files(import_id, wanted)}, after, limit)

    async def folders_to_retry(
        self, import_id: str, wanted: RetryFilter, *, after: str | None, limit: int
    ) -> Sequence[str]:
        """As the port says."""
        self._answer(import_id, after)
        failed = [
            row
            for row in self._rows.folders.values()
            if row.import_id == import_id
            and _failed(row)
            and wanted.files is None
            and (wanted.folders is None or row.folder_id in wanted.folders)
            and wanted.reason in (None, row.reason)
        ]
        files = self._failed_files(import_id, wanted)
        never_found = {row.folder_id for row in files if row.metadata_source < FROM_FOUND}
        return _next({row.folder_id for row in failed} | never_found, after, limit)

    def _failed_files(self, import_id: str, wanted: RetryFilter) -> list[FileRow]:
        return [
            row
            for row in self._files_of(import_id)
            if row.state == "failed"
            and row.folder_id
            and wanted.folders is None
            and (wanted.files is None or row.file_id in wanted.files)
            and wanted.reason in (None, row.reason)
        ]

    def _answer(self, *texts: str | None) -> None:
        if self.trouble is not None:
            raise self.trouble
        if any("\x00" in text for text in texts if text):
            raise UNREADABLE

    def _files_of(self, import_id: str) -> list[FileRow]:
        return [row for row in self._rows.files.values() if row.import_id == import_id]

    def _chosen(self, wanted: ImageFilter) -> Sequence[ListedImage]:
        if wanted.below:
            wanted = replace(wanted, folder_ids=self._below(wanted))
        rows = [row for row in self._rows.images.values() if _matches(row, wanted)]
        if wanted.import_id is None:
            return [self._image(row, UNSET) for row in rows]
        files = self._files_of(wanted.import_id)
        kept = {row.file_id: row for row in files if row.state in ("stored", "unchanged")}
        return [
            self._image(row, kept[row.google_drive_id].outcome_at or UNSET)
            for row in rows
            if row.google_drive_id in kept
        ]

    def _below(self, wanted: ImageFilter) -> Sequence[str]:
        folders = [row for row in self._rows.folders.values() if row.import_id == wanted.import_id]
        for top in folders:
            if top.folder_id == wanted.folder_id:
                depth = len(top.path)
                inside = [r for r in folders if len(r.path) > depth and r.path[:depth] == top.path]
                return [row.folder_id for row in (top, *inside)]
        return []

    def _image(self, row: ImageRow, imported_at: datetime | UnsetType) -> ListedImage:
        fields = asdict(row) | {"id": self._ids[row.google_drive_id], "imported_at": imported_at}
        fields["content_type"] = _content_type(row)
        return ListedImage(**{name: fields[name] for name in ListedImage.__struct_fields__})


def _content_type(row: ImageRow) -> str:
    return row.content_type or row.mime_type


def _matches(row: ImageRow, wanted: ImageFilter) -> bool:
    """Whether it meets all conditions but that on the import."""
    return (
        (wanted.folder_ids is not UNSET or wanted.folder_id in (None, row.folder_id))
        and (wanted.folder_ids is UNSET or row.folder_id in wanted.folder_ids)
        and wanted.content_type in (None, _content_type(row))
        and _name(row.name).startswith(_name(wanted.name or ""))
        and (wanted.min_size is None or row.size >= wanted.min_size)
        and (wanted.max_size is None or row.size <= wanted.max_size)
        and (wanted.since is None or row.created_at >= wanted.since)
        and (wanted.until is None or row.created_at < wanted.until)
    )


def _place(place: ImagePlace) -> tuple[Any, int | str]:
    value = place.value
    return (_name(value) if isinstance(value, str) else value, place.id)


def _name(name: str) -> str:
    """As PostgreSQL lowers it without a locale."""
    return "".join(c.lower() if c.isascii() else c for c in name[:200])


def _next(ids: set[str], after: str | None, limit: int) -> list[str]:
    return sorted(id for id in ids if id > (after or ""))[:limit]


def _progress(row: ImportRow) -> ImportProgress:
    fields = asdict(row)
    return ImportProgress(**{name: fields[name] for name in ImportProgress.__struct_fields__})


def _replay(row: ReplayRow) -> ReplayProgress:
    fields = asdict(row)
    return ReplayProgress(**{name: fields[name] for name in ReplayProgress.__struct_fields__})


def _file(row: FileRow) -> ImportFile:
    fields = _file_fields(row)
    return ImportFile(**{name: fields[name] for name in ImportFile.__struct_fields__})


def _file_fields(row: FileRow) -> dict[str, Any]:
    return asdict(row) | {
        "google_drive_id": row.file_id,
        "path": "/".join(row.path),
        "reason": row.skip_reason if row.state == "skipped" else row.reason,
        "size": row.stored_size if row.size is None else row.size,
        "round": row.round or 0,
        "attempts": row.attempts or 0,
        "updated_at": row.outcome_at or row.metadata_at,
    }


def _failed(row: FolderRow) -> FailedFolder | None:
    if row.closed or row.failed_at is None or row.tried_round < row.retry_round:
        return None
    return FailedFolder(
        folder_id=row.folder_id,
        path="/".join(row.path),
        reason=row.reason or "",
        message=row.message or "",
        failed_at=row.failed_at,
    )
