"""Reads the catalog. Every query is short and on its own, so a slow reader of the whole table holds
no connection. Nothing is ever written."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import psycopg
from msgspec import Struct
from psycopg import AsyncCursor
from psycopg import errors as postgres
from psycopg.rows import args_row, scalar_row
from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    case,
    exc,
    false,
    func,
    select,
    text,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.adapters.catalog import image_query, views
from services.adapters.catalog.connection import Session
from services.adapters.catalog.rows import (
    FROM_FOUND,
    OPEN,
    consumed_offsets,
    images,
    import_files,
    import_folders,
    imports,
    replay_files,
    replays,
)
from services.adapters.catalog.selection import count_selection
from services.adapters.catalog.settings import DatabaseSettings
from services.core.errors import SetAside, TryAgain, Verdict
from services.core.events import ReplayScope, Selection

POOL_SECONDS = 3
ANSWER_SECONDS = 20.0
"""For a connection and an answer. A server that hangs does not keep its own limit of 10 seconds."""
CONNECTIONS = 8
PAGE_ROWS = 1_000
PAGES_AT_ONCE = CONNECTIONS // 2
"""Readers of the whole table queue for these, so that other questions always find a connection."""
COUNT_MS = 2_000
"""That a count of images may wait, and then take."""
PLANNING = "random_page_cost=1.1"
"""As SSDs are. By the default, PostgreSQL would sort 100,000 rows rather than walk to 100."""
COUNTS_AT_ONCE = 2
"""Plans of replays may each read the whole table of files for seconds."""
NO_TABLES = (postgres.UndefinedTable, postgres.UndefinedColumn, postgres.InvalidSchemaName)

Answer = TypeVar("Answer", bound=Struct)
Read = TypeVar("Read")
_FILE = import_files.c
FOLDER_FAILED = (
    import_folders.c.failed_at.is_not(None)
    & import_folders.c.closed.is_(False)
    & (import_folders.c.tried_round >= import_folders.c.retry_round)
)
_PLACE = (_FILE.topic, _FILE.partition, _FILE.offset)
_FILE_SOURCES: Mapping[str, ColumnElement[Any]] = {
    **dict(_FILE.items()),
    "google_drive_id": _FILE.file_id,
    "reason": case((_FILE.state == "skipped", _FILE.skip_reason), else_=_FILE.reason),
    "size": func.coalesce(_FILE.size, _FILE.stored_size),
    "round": func.coalesce(_FILE.round, 0),
    "attempts": func.coalesce(_FILE.attempts, 0),
    "updated_at": func.coalesce(_FILE.outcome_at, _FILE.metadata_at),
    # A row with one outcome has its place in columns of their own.
    "outcomes": case(
        (func.cardinality(_FILE.outcomes) > 0, _FILE.outcomes),
        (_FILE.topic.is_not(None), array([func.concat_ws("/", *_PLACE)])),
        else_=_FILE.outcomes,
    ),
}
_ENDING = func.concat("/", _FILE.object_key)
_SAME_OBJECT = func.right(images.c.storage_path, func.length(_ENDING)) == _ENDING
_SOURCES: Mapping[type[Struct], Mapping[str, ColumnElement[Any]]] = {
    views.ImageDetails: dict(images.c.items()),
    views.ImportProgress: dict(imports.c.items()),
    views.ImportFile: _FILE_SOURCES,
    views.FileDetails: _FILE_SOURCES,
    views.ManifestRow: {
        **_FILE_SOURCES,
        "size": func.coalesce(_FILE.stored_size, _FILE.size),
        "sha256": func.coalesce(_FILE.sha256, case((_SAME_OBJECT, images.c.sha256))),
    },
    views.FailedFolder: dict(import_folders.c.items()),
    views.ReplayProgress: dict(replays.c.items()),
    views.ReplayFile: {
        **dict(replay_files.c.items()),
        "google_drive_id": replay_files.c.file_id,
        "name": func.coalesce(_FILE.name, ""),
    },
}
"""What the fields of each answer are made from. A path is joined in `_select`."""


class CatalogReader:
    """Fulfils `ReadsCatalog`. Connects when first asked; a lost connection is replaced."""

    def __init__(self, settings: DatabaseSettings) -> None:
        session = Session(
            settings,
            connect_timeout="3",
            application_name="drivestream-api",
            options="-c default_transaction_read_only=on -c statement_timeout=10s -c timezone=UTC "
            f"-c {PLANNING}",
        )
        self._engine = create_async_engine(
            "postgresql+psycopg://",
            isolation_level="AUTOCOMMIT",  # one statement each, so no BEGIN and ROLLBACK around it
            hide_parameters=True,  # errors are logged; what people searched for is not
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,
            # A prepared statement would fail once when the tables behind its names are swapped.
            async_creator=partial(session.connect_async, prepare_threshold=None),
        )
        self._pages = asyncio.Semaphore(PAGES_AT_ONCE)
        self._counts = asyncio.Semaphore(COUNTS_AT_ONCE)
        self._image_counts = asyncio.Semaphore(COUNTS_AT_ONCE)

    async def close(self) -> None:
        await self._engine.dispose()

    async def check(self) -> None:
        await self.imports(before=None, limit=1)

    async def consumed_offsets(self) -> Mapping[tuple[str, int], int]:
        rows = await self._rows(select(consumed_offsets))
        return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def every_image(self, wanted: views.ImageFilter) -> AsyncIterator[Sequence[views.Image]]:
        page = await self._page(wanted, None)
        while len(page) == PAGE_ROWS:
            # PostgreSQL works on the next page while this one is sent.
            following = asyncio.create_task(self._page(wanted, wanted.place_of(page[-1])))
            # Who leaves does not cancel it: a cancelled query costs its connection.
            following.add_done_callback(_forget)
            yield page
            page = await following
        if page:
            yield page

    async def _page(
        self, wanted: views.ImageFilter, after: views.ImagePlace | None
    ) -> Sequence[views.Image]:
        async with self._pages:
            return await self.images(wanted, after=after, limit=PAGE_ROWS)

    async def images(
        self, wanted: views.ImageFilter, *, after: views.ImagePlace | None, limit: int
    ) -> Sequence[views.Image]:
        return await _in_time(self._images(image_query.page(wanted, after, limit)))

    async def _images(self, query: image_query.Query) -> Sequence[views.Image]:
        async with self._cursor(args_row(views.Image)) as cursor:
            await cursor.execute(query.text, query.values)
            return await cursor.fetchall()

    async def count_images(self, wanted: views.ImageFilter) -> int | None:
        query = image_query.count(wanted)
        try:
            async with asyncio.timeout(COUNT_MS / 1_000):
                await self._image_counts.acquire()
        except TimeoutError:
            return None
        try:
            async with self._cursor(scalar_row) as cursor, cursor.connection.transaction():
                await cursor.execute(f"SET LOCAL statement_timeout = {COUNT_MS}")
                await cursor.execute(query.text, query.values)
                counted: int | None = await cursor.fetchone()
                return counted
        except TryAgain as why:
            if why.reason == "database_slow":
                return None
            raise
        finally:
            self._image_counts.release()

    async def image(self, google_drive_id: str) -> views.ImageDetails | None:
        query = _select(views.ImageDetails).where(images.c.google_drive_id == google_drive_id)
        found = await self._fetch(views.ImageDetails, query)
        return found[0] if found else None

    async def imports(
        self, *, before: views.ImportPlace | None, limit: int
    ) -> Sequence[views.ImportProgress]:
        place = (imports.c.requested_at, imports.c.id)
        query = _select(views.ImportProgress).where(imports.c.requested_at.is_not(None))
        if before is not None:
            query = query.where(tuple_(*place) < tuple_(*before))
        query = query.order_by(*(column.desc() for column in place)).limit(limit)
        return await self._fetch(views.ImportProgress, query)

    async def imports_by_id(self, ids: Collection[str]) -> Mapping[str, views.ImportProgress]:
        query = _select(views.ImportProgress).where(imports.c.id.in_(ids))
        return {row.id: row for row in await self._fetch(views.ImportProgress, query)}

    async def import_files(
        self, import_id: str, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[views.ImportFile]:
        row = import_files.c
        query = _select(views.ImportFile).where(row.import_id == import_id)
        if state is not None:
            query = query.where(row.state == state)
        if after is not None:
            query = query.where(row.file_id > after)
        return await self._fetch(views.ImportFile, query.order_by(row.file_id).limit(limit))

    async def every_file(
        self, import_id: str, *, in_store: bool
    ) -> AsyncIterator[Sequence[views.ManifestRow]]:
        after = ""
        while True:
            query = _select(views.ManifestRow).select_from(
                import_files.outerjoin(images, images.c.google_drive_id == _FILE.file_id)
            )
            query = query.where(_FILE.import_id == import_id, _FILE.file_id > after)
            if in_store:
                query = query.where(
                    _FILE.state.in_(("stored", "unchanged")), _FILE.object_key.is_not(None)
                )
            async with self._pages:
                ordered = query.order_by(_FILE.file_id).limit(PAGE_ROWS)
                page = await self._fetch(views.ManifestRow, ordered)
            if page:
                yield page
            if len(page) < PAGE_ROWS:
                return
            after = page[-1].google_drive_id

    async def import_file(self, import_id: str, file_id: str) -> views.FileDetails | None:
        row = import_files.c
        query = _select(views.FileDetails)
        query = query.where(row.import_id == import_id, row.file_id == file_id)
        found = await self._fetch(views.FileDetails, query)
        return found[0] if found else None

    async def live_imports(
        self, ids: Collection[str], *, newest: int, most_open: int
    ) -> Mapping[str, views.ImportProgress]:
        row = imports.c
        placed = select(row.id).where(row.requested_at.is_not(None))
        ordered = placed.order_by(row.requested_at.desc(), row.id.desc()).limit(newest)
        is_open = select(row.id).where(text(OPEN)).limit(most_open)
        wanted = union(
            select(row.id).where(row.id.in_(ids)),
            select(ordered.subquery().c.id),
            select(is_open.subquery().c.id),
        )
        query = _select(views.ImportProgress).where(row.id.in_(wanted))
        return {each.id: each for each in await self._fetch(views.ImportProgress, query)}

    async def failed_folders(
        self, ids: Collection[str], *, limit: int
    ) -> Mapping[str, Sequence[views.FailedFolder]]:
        row = import_folders.c
        number = func.row_number().over(
            partition_by=row.import_id, order_by=(row.path, row.folder_id)
        )
        numbered = _select(views.FailedFolder).add_columns(row.import_id, number.label("number"))
        found = numbered.where(row.import_id.in_(ids), FOLDER_FAILED).subquery()
        query = select(found).where(found.c.number <= limit)
        folders: dict[str, list[views.FailedFolder]] = {id: [] for id in ids}
        for each in await self._rows(query.order_by(found.c.import_id, found.c.number)):
            fields = {name: each[name] for name in views.FailedFolder.__struct_fields__}
            folders[each["import_id"]].append(views.FailedFolder(**fields))
        return folders

    async def replays(
        self, *, before: views.ImportPlace | None, limit: int
    ) -> Sequence[views.ReplayProgress]:
        place = (replays.c.requested_at, replays.c.id)
        query = _select(views.ReplayProgress).where(replays.c.requested_at.is_not(None))
        if before is not None:
            query = query.where(tuple_(*place) < tuple_(*before))
        query = query.order_by(*(column.desc() for column in place)).limit(limit)
        return await self._fetch(views.ReplayProgress, query)

    async def replays_by_id(self, ids: Collection[str]) -> Mapping[str, views.ReplayProgress]:
        query = _select(views.ReplayProgress).where(replays.c.id.in_(ids))
        return {row.id: row for row in await self._fetch(views.ReplayProgress, query)}

    async def pending_of_replay(self, replay_id: str, *, limit: int) -> Sequence[views.ReplayFile]:
        row = replay_files.c
        same = (_FILE.import_id == row.import_id) & (_FILE.file_id == row.file_id)
        query = _select(views.ReplayFile).select_from(replay_files.outerjoin(import_files, same))
        query = query.where(row.replay_id == replay_id, row.state == "pending")
        query = query.order_by(row.import_id, row.file_id).limit(limit)
        return await self._fetch(views.ReplayFile, query)

    async def count_selection(
        self, wanted: Selection, scope: ReplayScope, *, even_halted: bool = False
    ) -> views.SelectionCounts:
        async with self._counts, self._connected() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            async with connection.begin():
                return await count_selection(connection, wanted, scope, even_halted=even_halted)

    async def files_to_retry(
        self, import_id: str, wanted: views.RetryFilter, *, after: str | None, limit: int
    ) -> Sequence[str]:
        query = select(_FILE.file_id.label("id"))
        query = query.where(_FILE.import_id == import_id, *_failed_files(wanted))
        return await self._ids(query, _FILE.file_id, after, limit)

    async def folders_to_retry(
        self, import_id: str, wanted: views.RetryFilter, *, after: str | None, limit: int
    ) -> Sequence[str]:
        row = import_folders.c
        failed = select(row.folder_id).where(row.import_id == import_id, FOLDER_FAILED)
        if wanted.files is not None:
            failed = failed.where(false())
        if wanted.folders is not None:
            failed = failed.where(row.folder_id.in_(wanted.folders))
        if wanted.reason is not None:
            failed = failed.where(row.reason == wanted.reason)
        never_found = select(_FILE.folder_id).where(
            _FILE.import_id == import_id,
            _FILE.metadata_source < FROM_FOUND,
            *_failed_files(wanted),
        )
        both = union(failed, never_found).subquery()
        return await self._ids(select(both.c.folder_id.label("id")), both.c.folder_id, after, limit)

    async def _ids(
        self, query: Select[Any], id: ColumnElement[str], after: str | None, limit: int
    ) -> list[str]:
        if after is not None:
            query = query.where(id > after)
        rows = await self._rows(query.order_by(id).limit(limit))
        return [row["id"] for row in rows]

    async def _fetch(self, kind: type[Answer], query: Select[Any]) -> list[Answer]:
        return [kind(**row) for row in await self._rows(query)]

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        return await _in_time(self._all_rows(query))

    async def _all_rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        async with self._connected() as connection:
            answer = await connection.execute(query)
            return list(answer.mappings())

    @asynccontextmanager
    async def _cursor(self, rows: Any) -> AsyncIterator[AsyncCursor[Any]]:
        """psycopg's own, for statements that are text. Numbers and times come as bytes, since to
        parse them as text takes twice as long. A connection that was left in the middle of a
        statement cannot be used again."""
        async with self._connected() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            try:
                async with driver.cursor(row_factory=rows, binary=True) as cursor:
                    yield cursor
            except (asyncio.CancelledError, psycopg.OperationalError):
                await connection.invalidate()
                raise

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except (exc.SQLAlchemyError, psycopg.Error) as why:
            verdict = _verdict(why)
            if verdict is None:
                raise
            raise verdict from why


async def _in_time(reading: Coroutine[Any, Any, Read]) -> Read:
    """Raises `TryAgain` if it takes too long. It goes on then, and gives its connection back once
    the server answers: psycopg waits for a hanging server even to cancel."""
    task = asyncio.ensure_future(reading)
    if not (await asyncio.wait({task}, timeout=ANSWER_SECONDS))[0]:
        task.add_done_callback(_forget)
        raise _unavailable()
    return task.result()


def _forget(done: asyncio.Task[Any]) -> None:
    """Else an error that nobody waits for would be logged."""
    if not done.cancelled():
        done.exception()


def _failed_files(wanted: views.RetryFilter) -> Iterator[ColumnElement[bool]]:
    yield _FILE.state == "failed"
    yield _FILE.folder_id != ""  # else nobody knows where to look for it
    if wanted.folders is not None:
        yield false()
    if wanted.files is not None:
        yield _FILE.file_id.in_(wanted.files)
    if wanted.reason is not None:
        yield _FILE.reason == wanted.reason


def _select(kind: type[Struct]) -> Select[Any]:
    sources = {name: _SOURCES[kind][name] for name in kind.__struct_fields__}
    if "path" in sources:
        sources["path"] = func.array_to_string(sources["path"], "/")
    return select(*(source.label(name) for name, source in sources.items()))


def _verdict(why: exc.SQLAlchemyError | psycopg.Error) -> Verdict | None:
    """What an error of SQLAlchemy or psycopg means; None for a bug of ours."""
    if isinstance(why, exc.TimeoutError):
        message = (
            "Too many requests are reading the database at once. Send the request again in a few "
            "seconds."
        )
        return TryAgain("database_busy", message, POOL_SECONDS)
    if isinstance(why, exc.DBAPIError) and why.connection_invalidated:
        return _unavailable()
    match why.orig if isinstance(why, exc.DBAPIError) else why:
        case postgres.QueryCanceled():
            message = "The database took too long to answer. Send the request again later."
            return TryAgain("database_slow", message)
        case psycopg.DataError():
            return SetAside(
                "bad_value", "A name, id or cursor has a character that is not allowed."
            )
        case psycopg.Error() as error if isinstance(error, NO_TABLES):
            message = "The tables are missing or out of date. Run `drivestream setup`."
            return TryAgain("database_not_ready", message)
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return _unavailable()
    return None


def _unavailable() -> TryAgain:
    return TryAgain("database_unavailable", "The database is not responding.")
