"""The connections behind it: slow readers, servers that hang or are not there."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from unittest.mock import Mock

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from services.adapters.catalog import read_pool
from services.adapters.catalog.read_pool import CONNECTIONS
from services.adapters.catalog.reader import PAGE_ROWS, CatalogReader
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.writer import CatalogWriter
from services.core.errors import TryAgain
from services.core.events import ReplayScope, Selection
from tests.catalog_rows import an_image, an_import, rows
from tests.contract.catalog_reader.conftest import ALL, address_of


@pytest.mark.real
async def test_more_slow_readers_than_connections_hold_none(database_url: str) -> None:
    reader = CatalogReader(address_of(database_url))
    with closing(CatalogWriter(address_of(database_url))) as writer:
        writer.save(Rows(), rows(images=[an_image(n) for n in range(2 * PAGE_ROWS)]), {})
    slow = [reader.every_image(ALL) for _ in range(CONNECTIONS * 3)]
    first = await asyncio.gather(*(anext(pages) for pages in slow))
    assert {len(page) for page in first} == {PAGE_ROWS}
    async with asyncio.timeout(60):  # each fetches one page more, and then waits
        while await _busy(database_url):
            await asyncio.sleep(0.02)
    [image] = await reader.images(ALL, after=None, limit=1)
    assert len([image async for page in reader.every_image(ALL) for image in page]) == 2 * PAGE_ROWS
    rest = await asyncio.gather(*(anext(pages) for pages in slow))
    assert image.id < first[0][-1].id < rest[0][0].id
    await reader.close()
    assert not await _busy(database_url)


@pytest.mark.real
async def test_what_is_read_when_it_closes_is_given_up(database_url: str) -> None:
    reader = CatalogReader(address_of(database_url))
    await reader.check()
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE imports, images")
        reading = asyncio.create_task(reader.check())
        pages = asyncio.ensure_future(anext(reader.every_image(ALL)))
        async with asyncio.timeout(10):
            while await _busy(database_url) < 2:
                await asyncio.sleep(0.02)
        await reader.close()
        assert not await _connections(database_url)
        ended = await asyncio.wait({reading, pages}, timeout=5)
        assert ended[0] == {reading, pages}


async def _connections(url: str) -> int:
    """Those of the api, once the server has noticed which have gone."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'drivestream-api' "
        "AND datname = current_database()"
    )
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for _ in range(100):
            row = await (await connection.execute(query)).fetchone()
            if row == (0,):
                return 0
            await asyncio.sleep(0.05)
    return int(row[0]) if row else -1


async def _busy(url: str) -> int:
    """The api's connections that are in a transaction."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        counted = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'drivestream-api' "
            "AND datname = current_database() AND xact_start IS NOT NULL"
        )
        row = await counted.fetchone()
        return int(row[0]) if row else -1


@pytest.mark.real
async def test_a_server_that_hangs_holds_nobody_for_long(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = "services.adapters.catalog.read_pool.ANSWER_SECONDS"
    reader = CatalogReader(address_of(database_url))
    await reader.check()
    with psycopg.connect(database_url) as other, monkeypatch.context() as impatient:
        other.execute("LOCK TABLE imports, images")
        impatient.setattr(patience, 0.2)
        for asked in (reader.check(), reader.images(ALL, after=None, limit=1)):
            with pytest.raises(TryAgain, match="not responding"):
                await asked
    await reader.check()
    assert not await reader.images(ALL, after=None, limit=1)
    await reader.close()


@pytest.mark.real
@pytest.mark.parametrize("trusted", [60.0, 0.0])
async def test_a_lost_connection_is_replaced(
    database_url: str, monkeypatch: pytest.MonkeyPatch, trusted: float
) -> None:
    """Whether or not it is asked first. All of them are lost at once, and asked for at once."""
    monkeypatch.setattr(read_pool, "TRUSTED_SECONDS", trusted)
    reader = CatalogReader(address_of(database_url))
    asked: list[Callable[[], Awaitable[object]]] = [
        *[reader.check] * CONNECTIONS,
        *[lambda: reader.images(ALL, after=None, limit=1)] * CONNECTIONS,
        lambda: reader.count_images(ALL),
        lambda: reader.count_selection(Selection(), ReplayScope.ALL),
    ]
    for _ in range(3):
        await asyncio.gather(*(ask() for ask in asked))
        # Those of before may not be gone yet.
        assert await _end_connections(database_url) >= CONNECTIONS
    await asyncio.gather(*(ask() for ask in asked))
    await reader.close()


async def _end_connections(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
        ended = await admin.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'drivestream-api' AND datname = current_database()"
        )
        row = await ended.fetchone()
        return int(row[0]) if row else -1


@pytest.mark.real
async def test_a_connection_in_use_is_not_asked_first(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, pings = CatalogReader(address_of(database_url)), Mock()
    monkeypatch.setattr(reader._engine.dialect, "do_ping", pings)
    for seconds, times in ((60.0, 0), (0.0, 3)):
        monkeypatch.setattr(read_pool, "TRUSTED_SECONDS", seconds)
        for _ in range(3):
            await reader.images(ALL, after=None, limit=1)
        assert pings.call_count == times
    await reader.close()


WRITES_WHEN_READ = """
CREATE FUNCTION writes() RETURNS boolean LANGUAGE sql VOLATILE AS
    'INSERT INTO consumed_offsets VALUES (''t'', 0, ''t'', 0) RETURNING true';
ALTER TABLE imports RENAME TO kept;
CREATE VIEW imports AS SELECT * FROM kept WHERE writes();
"""
READS_AGAIN = """
DROP VIEW imports;
ALTER TABLE kept RENAME TO imports;
DROP FUNCTION writes();
"""


@pytest.mark.real
async def test_nothing_can_be_written_through_it(database_url: str) -> None:
    reader = CatalogReader(address_of(database_url))
    with closing(CatalogWriter(address_of(database_url))) as writer:
        writer.save(Rows(), rows(imports=[an_import(1)]), {})
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(WRITES_WHEN_READ)
        try:
            with pytest.raises(DBAPIError, match="read-only transaction"):
                await reader.check()
        finally:
            await reader.close()
            admin.execute(READS_AGAIN)


@pytest.mark.real
async def test_a_database_without_tables_says_what_to_do(database_url: str) -> None:
    empty = database_url.rsplit("/", 1)[0] + "/postgres"
    reader = CatalogReader(address_of(empty))
    with pytest.raises(TryAgain, match="drivestream setup") as raised:
        await reader.check()
    assert raised.value.reason == "database_not_ready"
    await reader.close()


@pytest.mark.real
async def test_a_database_that_is_not_there_is_worth_another_attempt(database_url: str) -> None:
    nowhere = database_url.rsplit(":", 1)[0] + ":1/none"  # nothing listens at port 1
    reader = CatalogReader(address_of(nowhere))
    with pytest.raises(TryAgain) as raised:
        await reader.check()
    assert raised.value.reason == "database_unavailable"
    with pytest.raises(TryAgain):
        await anext(reader.every_image(ALL))
    await reader.close()
