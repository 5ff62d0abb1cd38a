"""Reads the catalog. Every query is short and on its own; nothing is ever written.

Readers of the whole table take it page by page, so that a slow one holds no connection.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from psycopg import errors as postgres
from sqlalchemy import ColumnElement, Select, Table, case, func, select, tuple_
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

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
STATEMENT_SECONDS = 10
CONNECTIONS = 8
PAGE_ROWS = 1_000
PAGES_AT_ONCE = CONNECTIONS // 2
"""Readers of the whole table queue for these, so that other questions always find a connection."""
NO_TABLES = (postgres.UndefinedTable, postgres.UndefinedColumn, postgres.InvalidSchemaName)

Column = ColumnElement[Any]
_SOURCES: Mapping[type, tuple[Table, Mapping[str, Column]]] = {
    Image: (images, {}),
    ImageDetails: (images, {"path": func.array_to_string(images.c.path, "/")}),
    ImportProgress: (imports, {}),
    ImportFile: (
        import_files,
        {
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
    ),
    FailedFolder: (
        import_folders,
        {
            "path": func.array_to_string(import_folders.c.path, "/"),
            "reason": func.coalesce(import_folders.c.reason, ""),
            "message": func.coalesce(import_folders.c.message, ""),
        },
    ),
}
"""Where the fields of each answer come from: columns of their name, except for these."""


class CatalogReader:
    """Fulfils `ReadsCatalog`. Connects when first asked; a lost connection is replaced."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._engine = _engine(settings)
        self._pages = asyncio.Semaphore(PAGES_AT_ONCE)

    async def close(self) -> None:
        await self._engine.dispose()

    async def check(self) -> None:
        await self._rows(select(imports.c.id).limit(1))

    async def every_image(self, wanted: ImageFilter) -> AsyncIterator[Sequence[Image]]:
        after: int | None = None
        while True:
            async with self._pages:
                page = await self.images(wanted, after=after, limit=PAGE_ROWS)
            if page:
                yield page
            if len(page) < PAGE_ROWS:
                return
            after = page[-1].id

    async def images(
        self, wanted: ImageFilter, *, after: int | None, limit: int
    ) -> Sequence[Image]:
        query = _images(wanted).limit(limit)
        if after is not None:
            later = images.c.id < after if wanted.newest_first else images.c.id > after
            query = query.where(later)
        return [Image(**row) for row in await self._rows(query)]

    async def image(self, google_drive_id: str) -> ImageDetails | None:
        query = _select(ImageDetails).where(images.c.google_drive_id == google_drive_id)
        rows = await self._rows(query)
        return ImageDetails(**rows[0]) if rows else None

    async def imports(self, *, before: ImportPlace | None, limit: int) -> Sequence[ImportProgress]:
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
        query = _select(ImportProgress).where(imports.c.id.in_(ids))
        return {row["id"]: ImportProgress(**row) for row in await self._rows(query)}

    async def import_files(
        self, import_id: str, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[ImportFile]:
        files = import_files.c
        query = _select(ImportFile).where(files.import_id == import_id)
        if state is not None:
            query = query.where(files.state == state)
        if after is not None:
            query = query.where(files.file_id > after)
        query = query.order_by(files.file_id).limit(limit)
        return [ImportFile(**row) for row in await self._rows(query)]

    async def failed_folders(self, import_id: str, *, limit: int) -> Sequence[FailedFolder]:
        folders = import_folders.c
        failed = folders.failed_at.is_not(None) & folders.closed.is_(False)
        query = _select(FailedFolder).where(folders.import_id == import_id, failed)
        query = query.order_by(folders.path, folders.folder_id).limit(limit)
        return [FailedFolder(**row) for row in await self._rows(query)]

    async def _rows(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        with _translated():
            async with self._engine.connect() as connection:
                result = await connection.execute(query)
                return [dict(row) for row in result.mappings()]


def _engine(settings: DatabaseSettings) -> AsyncEngine:
    options = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "timezone": "UTC",
    }
    parameters = settings.parameters(
        connect_timeout=str(CONNECT_SECONDS),
        application_name="drivestream-api",
        options=" ".join(f"-c {name}={value}" for name, value in options.items()),
    )
    return create_async_engine(
        "postgresql+psycopg://",
        isolation_level="AUTOCOMMIT",  # one statement each, so no BEGIN and ROLLBACK around it
        hide_parameters=True,  # errors are logged; what people searched for is not
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_pre_ping=True,
        # A prepared statement would fail once when the tables behind its names are swapped.
        connect_args={**parameters, "prepare_threshold": None},
    )


def _select(kind: type[Struct]) -> Select[Any]:
    table, special = _SOURCES[kind]
    fields = kind.__struct_fields__
    return select(*(special[f].label(f) if f in special else table.c[f] for f in fields))


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


@contextmanager
def _translated() -> Iterator[None]:
    """SQLAlchemy's and psycopg's errors as verdicts. Any other error is a bug of ours."""
    try:
        yield
    except PoolTimeoutError as why:
        raise TryAgain(
            "database_busy", "Too many requests are reading the database at once.", POOL_SECONDS
        ) from why
    except DataError as why:
        raise SetAside("bad_value", "The database cannot hold such a name, id or cursor.") from why
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
