"""Reads the catalog. Every query is short and on its own, so a slow reader of the whole table holds
no connection."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from msgspec.structs import replace
from psycopg.rows import args_row, namedtuple_row, scalar_row
from sqlalchemy import column, select, table

from services.adapters.catalog.queries import files, images, imports, replays, retries
from services.adapters.catalog.queries.images import Query
from services.adapters.catalog.read_pool import CONNECTIONS, ReadPool, forget, in_time
from services.adapters.catalog.rows import consumed_offsets
from services.adapters.catalog.selection import count_selection
from services.adapters.catalog.settings import DatabaseSettings
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
from services.adapters.catalog.writer import other_version
from services.core.errors import TryAgain
from services.core.events import ReplayScope, Selection

PAGE_ROWS = 1_000
PAGES_AT_ONCE = CONNECTIONS // 2
"""Readers of the whole table queue for these, so that other questions always find a connection."""
COUNT_MS = 2_000
"""That a count of images may wait, and then take."""
SECTIONS_MS = 8_000
"""The same for the sections of a list. Of 100,000 images they take a quarter of a second."""
COUNTS_AT_ONCE = 2
"""Plans of replays may each read the whole table of files for seconds."""


class CatalogReader(ReadPool):
    """Fulfils `ReadsCatalog`."""

    def __init__(self, settings: DatabaseSettings) -> None:
        super().__init__(settings)
        self._pages = asyncio.Semaphore(PAGES_AT_ONCE)
        self._counts = asyncio.Semaphore(COUNTS_AT_ONCE)
        self._image_counts = asyncio.Semaphore(COUNTS_AT_ONCE)

    async def check(self) -> str:
        await self.imports(before=None, limit=1)
        rows = await self._rows(select(column("version_num")).select_from(table("alembic_version")))
        return other_version(max((row["version_num"] for row in rows), default=None))

    async def consumed_offsets(self) -> Mapping[tuple[str, int], int]:
        rows = await self._rows(select(consumed_offsets))
        return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def every_image(self, wanted: ImageFilter) -> AsyncIterator[Sequence[ListedImage]]:
        page = await self._page(wanted, None)
        while len(page) == PAGE_ROWS:
            # PostgreSQL works on the next page while this one is sent.
            following = asyncio.create_task(self._page(wanted, wanted.place_of(page[-1])))
            # Who leaves does not cancel it: a cancelled query costs its connection.
            following.add_done_callback(forget)
            yield page
            page = await following
        if page:
            yield page

    async def _page(self, wanted: ImageFilter, after: ImagePlace | None) -> Sequence[ListedImage]:
        async with self._pages:
            return await self.images(wanted, after=after, limit=PAGE_ROWS)

    async def images(
        self, wanted: ImageFilter, *, after: ImagePlace | None, limit: int
    ) -> Sequence[ListedImage]:
        found = await self._in_folders(wanted)
        query = images.page(found, after, limit)
        return await in_time(self._read(lambda: self._images(query)))

    async def _in_folders(self, wanted: ImageFilter) -> ImageFilter:
        """With the folders named. Only then does PostgreSQL know how many images are in them."""
        if not wanted.below or wanted.import_id is None or wanted.folder_id is None:
            return wanted
        query = images.below(wanted.import_id, wanted.folder_id)
        return replace(wanted, folder_ids=await self._walked(query, scalar_row, COUNT_MS))

    async def _images(self, query: Query) -> Sequence[ListedImage]:
        async with self._cursor(args_row(ListedImage)) as cursor:
            await cursor.execute(query.text, query.values)
            return await cursor.fetchall()

    async def count_images(self, wanted: ImageFilter) -> int | None:
        try:
            found = await self._in_folders(wanted)
            [counted] = await self._walked(images.count(found), scalar_row, COUNT_MS)
        except TryAgain as why:
            if why.reason == "database_slow":
                return None
            raise
        number: int = counted
        return number

    async def image_sections(
        self, wanted: ImageFilter, *, every: int, image: str | None
    ) -> ImageSections:
        query = images.sections(await self._in_folders(wanted), every, image)
        rows = await self._walked(query, namedtuple_row, SECTIONS_MS)
        return ImageSections(
            total=rows[-1].n if rows else 0,
            starts=[ImagePlace(r.value, r.place_id, True) for r in rows if r.n % every == 1],
            position=next((row.n - 1 for row in rows if row.is_wanted), None),
        )

    async def image_folders(
        self, import_id: str, *, after: str | None, limit: int
    ) -> Sequence[ImageFolder]:
        query = images.folders(import_id, after, limit)
        return await self._walked(query, args_row(_image_folder), SECTIONS_MS)

    async def _walked(self, query: Query, rows: Any, milliseconds: int) -> list[Any]:
        """What may read many rows: few at once, and not for long."""
        try:
            async with asyncio.timeout(milliseconds / 1_000):
                await self._image_counts.acquire()
        except TimeoutError:
            raise TryAgain("database_slow", "The database is busy with other lists.") from None
        try:
            return await self._read(lambda: self._within(query, rows, milliseconds))
        finally:
            self._image_counts.release()

    async def _within(self, query: Query, rows: Any, milliseconds: int) -> list[Any]:
        async with self._cursor(rows) as cursor, cursor.connection.transaction():
            await cursor.execute(f"SET LOCAL statement_timeout = {milliseconds}")
            await cursor.execute(query.text, query.values)
            return await cursor.fetchall()

    async def image(self, google_drive_id: str) -> ImageDetails | None:
        found = await self._fetch(ImageDetails, images.one(google_drive_id))
        return found[0] if found else None

    async def imports(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportProgress]:
        return await self._fetch(ImportProgress, imports.newest(before, limit))

    async def imports_by_id(self, ids: Collection[str]) -> Mapping[str, ImportProgress]:
        return {row.id: row for row in await self._fetch(ImportProgress, imports.by_id(ids))}

    async def live_imports(
        self, ids: Collection[str], *, newest: int, most_open: int
    ) -> Mapping[str, ImportProgress]:
        query = imports.live(ids, newest, most_open)
        return {row.id: row for row in await self._fetch(ImportProgress, query)}

    async def failed_folders(
        self, ids: Collection[str], *, limit: int
    ) -> Mapping[str, Sequence[FailedFolder]]:
        folders: dict[str, list[FailedFolder]] = {id: [] for id in ids}
        for each in await self._rows(imports.failed_folders(ids, limit)):
            fields = {name: each[name] for name in FailedFolder.__struct_fields__}
            folders[each["import_id"]].append(FailedFolder(**fields))
        return folders

    async def import_files(
        self,
        import_id: str,
        *,
        state: str | None,
        reason: str | None = None,
        after: str | None,
        limit: int,
    ) -> Sequence[ImportFile]:
        return await self._fetch(ImportFile, files.page(import_id, state, reason, after, limit))

    async def import_file(self, import_id: str, file_id: str) -> FileDetails | None:
        found = await self._fetch(FileDetails, files.one(import_id, file_id))
        return found[0] if found else None

    async def every_file(
        self, import_id: str, *, in_store: bool
    ) -> AsyncIterator[Sequence[ManifestRow]]:
        after = ""
        while True:
            query = files.manifest_page(import_id, in_store, after, PAGE_ROWS)
            async with self._pages:
                page = await self._fetch(ManifestRow, query)
            if page:
                yield page
            if len(page) < PAGE_ROWS:
                return
            after = page[-1].google_drive_id

    async def replays(self, *, before: ImportPlace | None, limit: int) -> Sequence[ReplayProgress]:
        return await self._fetch(ReplayProgress, replays.newest(before, limit))

    async def replays_by_id(self, ids: Collection[str]) -> Mapping[str, ReplayProgress]:
        return {row.id: row for row in await self._fetch(ReplayProgress, replays.by_id(ids))}

    async def pending_of_replay(self, replay_id: str, *, limit: int) -> Sequence[ReplayFile]:
        return await self._fetch(ReplayFile, replays.pending_files(replay_id, limit))

    async def count_selection(
        self, wanted: Selection, scope: ReplayScope, *, even_halted: bool = False
    ) -> SelectionCounts:
        async def counted() -> SelectionCounts:
            async with self._connected() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                async with connection.begin():
                    return await count_selection(connection, wanted, scope, even_halted=even_halted)

        async with self._counts:
            return await self._read(counted)

    async def files_to_retry(
        self, import_id: str, wanted: RetryFilter, *, after: str | None, limit: int
    ) -> Sequence[str]:
        query = retries.files(import_id, wanted, after, limit)
        return [row["id"] for row in await self._rows(query)]

    async def folders_to_retry(
        self, import_id: str, wanted: RetryFilter, *, after: str | None, limit: int
    ) -> Sequence[str]:
        query = retries.folders(import_id, wanted, after, limit)
        return [row["id"] for row in await self._rows(query)]


def _image_folder(folder_id: str, path: list[str], images: int) -> ImageFolder:
    return ImageFolder(folder_id, tuple(path), images)
