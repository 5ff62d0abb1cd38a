"""PostgreSQL says that the indexer has written something, unless a pooler stands between."""

import asyncio
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

import pytest
import structlog

from services.adapters.catalog import notifications
from services.adapters.catalog.notifications import Notifications
from services.adapters.catalog.rows import Rows
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter
from services.core.settings import Secret
from tests.catalog_rows import an_import, rows
from tests.fakes.pooler import pooler

pytestmark = pytest.mark.real


async def test_a_transaction_is_heard_also_after_a_lost_connection(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "FIRST_WAIT", 0.05)
    settings = DatabaseSettings(url=Secret(database_url))
    heard = asyncio.Event()

    async def hears() -> None:
        async with asyncio.timeout(60):
            await heard.wait()
        heard.clear()

    following = asyncio.create_task(Notifications(settings).follow(heard.set))
    await hears()  # it begins: something may have been missed before
    with closing(CatalogWriter(settings)) as writer:
        writer.save(Rows(), rows(imports=[an_import(1)]), {})
        await hears()
        ended = writer._rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'drivestream-api-listener' "
            "AND datname = current_database()"
        )
        assert len(ended) == 1  # of one process, one connection
        await hears()
        writer.save(Rows(), rows(imports=[an_import(2)]), {})
        await hears()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_pooler_is_noticed_and_nothing_is_asked_of_it(database_url: str) -> None:
    parts = urlsplit(database_url)
    with pooler(str(parts.hostname), int(parts.port or 5432)) as port:
        place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
        url = urlunsplit(parts._replace(netloc=place))
        heard = asyncio.Event()
        pooled = Notifications(DatabaseSettings(url=Secret(url)))
        with structlog.testing.capture_logs() as said:
            following = asyncio.create_task(pooled.follow(heard.set))
            async with asyncio.timeout(60):
                while not said:
                    await asyncio.sleep(0.01)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    assert [line["event"] for line in said] == ["api.no_notifications"]
    assert not heard.is_set()
