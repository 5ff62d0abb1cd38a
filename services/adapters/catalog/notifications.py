"""Hears that the indexer has written something: one connection, on which PostgreSQL notifies.

A pooler may give the next transaction another connection of the server's, and what was to be
notified goes to a stranger. So behind a pooler nothing is asked for.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import psycopg
import structlog

from services.adapters.catalog.connection import Session
from services.adapters.catalog.rows import CHANNEL
from services.adapters.catalog.settings import DatabaseSettings

CONNECT_SECONDS = 10.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
log = structlog.get_logger()


class Notifications:
    def __init__(self, settings: DatabaseSettings) -> None:
        self._session = Session(
            settings,
            connect_timeout="3",
            application_name="drivestream-api-listener",
            # A host that vanishes is noticed in half a minute, not by the system's hours.
            keepalives_idle="10",
            keepalives_interval="5",
            keepalives_count="3",
        )
        self._wait = FIRST_WAIT

    async def follow(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each transaction of the indexer, and whenever one may have been
        missed, until cancelled. While PostgreSQL is away or pooled, nothing is heard."""
        while True:
            # Whoever reads the database says that it is away.
            with suppress(psycopg.Error, OSError, TimeoutError):
                await self._listen(changed)
            await asyncio.sleep(self._wait * random.uniform(0.5, 1.0))
            self._wait = min(LONGEST_WAIT, self._wait * 2)

    async def _listen(self, changed: Callable[[], None]) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await self._session.connect_async()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if not await _begun(connection):
                    self._wait = LONGEST_WAIT
                    return
            self._wait = FIRST_WAIT
            changed()
            async for _ in connection.notifies():
                changed()
        finally:
            await connection.close()


async def _begun(connection: psycopg.AsyncConnection[object]) -> bool:
    """Whether PostgreSQL notifies from now on."""
    await connection.set_autocommit(True)
    found = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    if found != (connection.info.backend_pid,):  # a pooler makes up a number of its own
        log.info("api.no_notifications", why="DATABASE_URL leads to a pooler; polling instead")
        return False
    await connection.execute(f"LISTEN {CHANNEL}".encode())
    return True
