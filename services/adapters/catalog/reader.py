"""Reading the catalog: short questions, and the whole table as a stream. Nothing is ever written.

Two pools, so that slow readers of the whole table never keep a short question waiting.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from psycopg import errors as postgres
from sqlalchemy import ColumnElement, Select, case, func, select, tuple_
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncResult, create_async_engine

from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.tables import images, import_files, import_folders, imports
from services.adapters.catalog.views import (
    FailedFolder,
    Image,
    ImageDetails,
    ImageFilter,
    ImportFile,
    ImportPlace,
    ImportProgress,
)
from services.core.errors import SetAside, TryAgain

CONNECT_SECONDS = 3
POOL_SECONDS = 3
SHORT_SECONDS, SHORT_CONNECTIONS = 10, 8
STREAM_SECONDS, STREAM_CONNECTIONS = 60, 4
BATCH = 1_000
NO_TABLES = (postgres.UndefinedTable, postgres.UndefinedColumn, postgres.InvalidSchemaName)

Column = ColumnElement[Any]
_SPECIAL: Mapping[type, Mapping[str, Column]] = {
    Image: {},
    ImageDetails: {"path": func.array_to_string(images.c.path, "/")},
    ImportProgress: {"updated_at": imports.c.last_event_at},
    ImportFile: {
        "google_drive_id": import_files.c.file_id,
        "path": func.array_to_string(import_files.c.path, "/"),
        "reason": case(
            (import_files.c.state == "skipped", import_files.c.skip_reason),
            else_=import_files.c.reason,
        ),
        "size": func.coalesce(import_files.c.size, import_files.c.stored_size),
        "round": func.coalesce(import_files.c.round, 0),
        "attempts": func.coalesce(import_files.c.attempts, 0),
        "updated_at": func.coalesce(import_files.c.outcome_at, import_files.c.metadata_at),
    },
    FailedFolder: {
        "path": func.array_to_string(import_folders.c.path, "/"),
        "reason": func.coalesce(import_folders.c.reason, ""),
        "message": func.coalesce(import_folders.c.message, ""),
    },
}
_TABLES = {
    Image: images,
    ImageDetails: images,
    ImportProgress: imports,
    ImportFile: import_files,
    FailedFolder: import_folders,
}


class CatalogReader:
    """Fulfils `ReadsCatalog`. Connects when first asked; a lost connection is replaced."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._short = _engine(settings, SHORT_CONNECTIONS, SHORT_SECONDS).execution_options(
            isolation_level="AUTOCOMMIT"  # one statement each: no BEGIN and ROLLBACK around it
        )
        self._streams = _engine(settings, STREAM_CONNECTIONS, STREAM_SECONDS)

    async def close(self) -> None:
        """Give all connections back."""
        await self._short.dispose()
        await self._streams.dispose()

    async def check(self) -> None:
        """As `ReadsCatalog` says."""
        await self._rows(select(imports.c.id).limit(1))

    @asynccontextmanager
    async def every_image(
        self, wanted: ImageFilter
    ) -> AsyncIterator[AsyncIterator[Sequence[Image]]]:
        """As `ReadsCatalog` says: a cursor in the database, whose transaction is one snapshot."""
        with _translated():
            async with self._streams.connect() as connection:
                result = await connection.stream(
                    _images(wanted), execution_options={"yield_per": BATCH}
                )
                try:
                    yield _batches(result)
                finally:
                    await result.close()

    async def images(
        self, wanted: ImageFilter, *, after: int | None, limit: int
    ) -> Sequence[Image]:
        """As `ReadsCatalog` says."""
        query = _images(wanted).limit(limit)
        if after is not None:
            later = images.c.id < after if wanted.newest_first else images.c.id > after
            query = query.where(later)
        return [Image(**row) for row in await self._rows(query)]

    async def image(self, google_drive_id: str) -> ImageDetails | None:
        """As `ReadsCatalog` says."""
        query = _select(ImageDetails).where(images.c.google_drive_id == google_drive_id)
        rows = await self._rows(query)
        return ImageDetails(**rows[0]) if rows else None

    async def imports(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportProgress]:
        """As `ReadsCatalog` says."""
        place = (imports.c.requested_at, imports.c.id)
        query = (
            _select(ImportProgress)
            .where(imports.c.requested_at.is_not(None))
            .order_by(*(column.desc() for column in place))
            .limit(limit)
        )
        if before is not None:
            query = query.where(tuple_(*place) < tuple_(*before))
        return [ImportProgress(**row) for row in await self._rows(query)]

    async def imports_by_id(self, ids: Collection[str]) -> Mapping[str, ImportProgress]:
        """As `ReadsCatalog` says."""
        query = _select(ImportProgress).where(imports.c.id.in_(ids))
        return {row["id"]: ImportProgress(**row) for row in await self._rows(query)}

    async def import_files(
        self, import_id: str, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[ImportFile]:
        """As `ReadsCatalog` says."""
        files = import_files.c
        query = _select(ImportFile).where(files.import_id == import_id)
        if state is not None:
            query = query.where(files.state == state)
        if after is not None:
            query = query.where(files.file_id > after)
        query = query.order_by(files.file_id).limit(limit)
        return [ImportFile(**row) for row in await self._rows(query)]

    async def failed_folders(self, import_id: str, *, limit: int) -> Sequence[FailedFolder]:
        """As `ReadsCatalog` says."""
        folders = import_folders.c
        failed = folders.failed_at.is_not(None) & folders.closed.is_(False)
        query = _select(FailedFolder).where(folders.import_id == import_id, failed)
        query = query.order_by(folders.path, folders.folder_id).limit(limit)
        return [FailedFolder(**row) for row in await self._rows(query)]

    async def _rows(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        with _translated():
            async with self._short.connect() as connection:
                result = await connection.execute(query)
                return [dict(row) for row in result.mappings()]


def _engine(settings: DatabaseSettings, connections: int, statement_seconds: int) -> AsyncEngine:
    options = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{statement_seconds}s",
        "timezone": "UTC",
    }
    parameters = settings.parameters(
        connect_timeout=str(CONNECT_SECONDS),
        application_name="drivestream-api",
        options=" ".join(f"-c {name}={value}" for name, value in options.items()),
    )
    return create_async_engine(
        "postgresql+psycopg://",
        hide_parameters=True,  # errors are logged; what people searched for is not
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_pre_ping=True,
        # A prepared statement would fail once when the tables behind its names are swapped.
        connect_args={**parameters, "prepare_threshold": None},
    )


def _select(kind: type[Image | ImportProgress | ImportFile | FailedFolder]) -> Select[Any]:
    """A query for the fields of a struct: columns of the same names, but for the special ones."""
    table, special = _TABLES[kind], _SPECIAL[kind]
    names = kind.__struct_fields__
    return select(*(special[n].label(n) if n in special else table.c[n] for n in names))


def _images(wanted: ImageFilter) -> Select[Any]:
    query = _select(Image).order_by(images.c.id.desc() if wanted.newest_first else images.c.id)
    if wanted.folder_id is not None:
        query = query.where(images.c.folder_id == wanted.folder_id)
    if wanted.import_id is not None:
        query = query.join(
            import_files,
            (import_files.c.file_id == images.c.google_drive_id)
            & (import_files.c.import_id == wanted.import_id)
            & import_files.c.state.in_(("stored", "unchanged")),
        )
    return query


async def _batches(result: AsyncResult[Any]) -> AsyncIterator[Sequence[Image]]:
    async for rows in result.mappings().partitions():
        yield [Image(**row) for row in rows]


@contextmanager
def _translated() -> Iterator[None]:
    """SQLAlchemy's and psycopg's errors as verdicts; what is none of these is a fault of ours."""
    try:
        yield
    except PoolTimeoutError as why:
        raise TryAgain(
            "database_busy", "Too many requests are reading the database now.", POOL_SECONDS
        ) from why
    except DataError as why:
        raise SetAside("bad_value", "No name, id or cursor can have this value.") from why
    except DBAPIError as why:
        if isinstance(why.orig, postgres.QueryCanceled):
            raise TryAgain("database_slow", "The database took too long to answer.") from why
        if isinstance(why.orig, NO_TABLES):
            raise TryAgain(
                "database_not_ready",
                "The database has no tables, or older ones: run `drivestream setup`.",
            ) from why
        if isinstance(why, OperationalError | InterfaceError) or why.connection_invalidated:
            raise TryAgain("database_unavailable", "The database does not answer.") from why
        raise
