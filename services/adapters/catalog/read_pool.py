"""The connections that read the catalog, and what their errors mean. Nothing is ever written."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import psycopg
from msgspec import Struct
from psycopg import AsyncCursor
from psycopg import errors as postgres
from sqlalchemy import RowMapping, Select, event, exc
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from services.adapters.catalog.connection import Session, first_line
from services.adapters.catalog.settings import DatabaseSettings
from services.core.errors import SetAside, TryAgain, Verdict

POOL_SECONDS = 3
ANSWER_SECONDS = 20.0
"""For a connection and an answer. A server that hangs does not keep its own limit of 10 seconds."""
CLOSE_SECONDS = 2.0
CONNECTIONS = 8
TRUSTED_SECONDS = 2.0
"""A connection that was taken so lately is used without asking first whether it is still there. To
ask is a round trip, and takes longer than to read a page of one image."""
PLANNING = "random_page_cost=1.1 -c enable_mergejoin=off"
"""As SSDs are: by the default, PostgreSQL would sort 100,000 rows rather than walk to 100. And no
merge: of one import's images it would read those of all others that come before them."""
NO_TABLES = (postgres.UndefinedTable, postgres.UndefinedColumn, postgres.InvalidSchemaName)
OPERATOR_INTERVENTION = "57P"
"""How the SQLSTATEs begin with which PostgreSQL ends a connection."""
TAKEN_AT = "taken_at"

Answer = TypeVar("Answer", bound=Struct)
Read = TypeVar("Read")


class LostInUse(TryAgain):
    """The connection broke while it was used."""


class ReadPool:
    """Connects when first asked; a lost connection is replaced, and what was asked over it is asked
    again. So all that is read through it may be read twice."""

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
            # A prepared statement would fail once when the tables behind its names are swapped.
            async_creator=partial(session.connect_async, prepare_threshold=None),
        )
        self._lost_at = -math.inf
        self._readers: set[asyncio.Task[Any]] = set()
        self._is_closed = False
        event.listen(self._engine.sync_engine.pool, "checkout", self._check)

    async def close(self) -> None:
        """Whoever still reads is cancelled: the pool forgets connections that are in use, and would
        leave them open. A server that hangs holds this up for no longer than `CLOSE_SECONDS`."""
        self._is_closed = True
        for task in self._readers:
            task.cancel()
        if self._readers:
            await asyncio.wait(self._readers, timeout=CLOSE_SECONDS)
        await self._engine.dispose()

    async def _fetch(self, kind: type[Answer], query: Select[Any]) -> list[Answer]:
        return [kind(**row) for row in await self._rows(query)]

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        return await in_time(self._read(partial(self._all_rows, query)))

    async def _read(self, reading: Callable[[], Awaitable[Read]]) -> Read:
        """Once more, if a connection was lost. Others were lost with it, so those that were taken
        before are not trusted any more."""
        try:
            return await reading()
        except LostInUse:
            self._lost_at = time.monotonic()
            return await reading()

    def _check(self, connection: Any, entry: ConnectionPoolEntry, _proxy: object) -> None:
        """SQLAlchemy calls it whenever a connection is taken, and replaces all if one is lost."""
        now, taken_at = time.monotonic(), entry.info.get(TAKEN_AT)
        entry.info[TAKEN_AT] = now
        if taken_at is None or taken_at > max(now - TRUSTED_SECONDS, self._lost_at):
            return
        try:
            self._engine.dialect.do_ping(connection)
        except psycopg.Error as why:
            raise exc.InvalidatePoolError from why

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
        if self._is_closed:  # the engine would connect anew
            raise _unavailable()
        is_used = False
        task = asyncio.current_task()
        assert task is not None
        self._readers.add(task)
        try:
            async with self._engine.connect() as connection:
                is_used = True
                yield connection
        except (exc.SQLAlchemyError, psycopg.Error) as why:
            verdict = _verdict(why)
            if verdict is None:
                raise
            if is_used and _is_lost(why):
                verdict = LostInUse(verdict.reason, verdict.message)
            raise verdict from why
        finally:
            self._readers.discard(task)


async def in_time(reading: Coroutine[Any, Any, Read]) -> Read:
    """Raises `TryAgain` if it takes too long. It goes on then, and gives its connection back once
    the server answers: psycopg waits for a hanging server even to cancel."""
    task = asyncio.ensure_future(reading)
    task.add_done_callback(forget)  # also if the one who waits is cancelled
    if not (await asyncio.wait({task}, timeout=ANSWER_SECONDS))[0]:
        raise _unavailable()
    return task.result()


def forget(done: asyncio.Task[Any]) -> None:
    """Else an error that nobody waits for would be logged."""
    if not done.cancelled():
        done.exception()


def said_by_server(why: Verdict) -> str:
    """In the driver's words, where there are any."""
    cause = getattr(why.__cause__, "orig", None) or why.__cause__
    return first_line(cause) if cause else ""


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


def _is_lost(why: exc.SQLAlchemyError | psycopg.Error) -> bool:
    """The server ended the connection, and said so or not."""
    error = why.orig if isinstance(why, exc.DBAPIError) else why
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(OPERATOR_INTERVENTION)


def _unavailable() -> TryAgain:
    return TryAgain("database_unavailable", "The database is not responding.")
