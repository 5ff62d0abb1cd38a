"""The api in memory: a log, a catalog, and a client that speaks to the application directly."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from litestar.types import ASGIApp

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.tail import Tail
from services.adapters.store.settings import StoreSettings
from services.adapters.store.urls import ObjectUrls
from services.api import metrics
from services.api.known_imports import KnownImports
from services.api.service import Parts, create_app
from services.api.workers import KnownWorkers
from services.core.ports import PublishesEvents
from services.core.settings import Secret
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader

STORE = StoreSettings(
    access_key_id="key-id",
    secret_access_key=Secret("never-to-be-seen"),
    region="eu-test-1",
    bucket="pictures",
    endpoint_url="http://store.test:9000",
    public_url="http://store.test:9000",
    public_read=False,
)

SCOPE: Mapping[str, object] = {
    "type": "http",
    "method": "GET",
    "path": "/x",
    "raw_path": b"/x",
    "query_string": b"",
    "headers": [],
}


@dataclass
class Api:
    """The application and everything around it."""

    client: httpx.AsyncClient
    app: ASGIApp
    catalog: FakeCatalog
    log: FakeLog
    tail: Tail[KnownImports]

    async def settled(self) -> None:
        """Return when the tail has read what is in the log."""
        assert await asyncio.to_thread(self.tail.wait, 5)

    async def tail_moves(self) -> None:
        """Let the tail's thread run for a moment."""
        await asyncio.sleep(0.002)

    async def start(self, folder: str, key: str | None = None) -> httpx.Response:
        """POST an import."""
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"folderUrl": folder}
        return await self.client.post("/import/google-drive", json=body, headers=headers)


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog()


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
async def api(log: FakeLog, catalog: FakeCatalog) -> AsyncIterator[Api]:
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, catalog, publisher) as api:
        yield api


@asynccontextmanager
async def running(
    log: FakeLog, catalog: FakeCatalog, publisher: PublishesEvents
) -> AsyncIterator[Api]:
    """A process of the api, from its start to its end."""
    tail = Tail(lambda: FakeLogReader(log), KnownImports(), retry_seconds=0.01)
    workers = Tail(
        lambda: FakeLogReader(log),
        KnownWorkers(),
        topic=metrics.TOPIC,
        newest=metrics.NEWEST,
        retry_seconds=0.01,
    )
    urls = ObjectUrls(STORE, lambda: datetime(2026, 11, 23, 12, 34, tzinfo=UTC))
    app = create_app(
        Parts(publisher=publisher, catalog=catalog, tail=tail, workers=workers, urls=urls)
    )
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    async with alive(app), httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield Api(client, app, catalog, log, tail)


@asynccontextmanager
async def alive(app: ASGIApp) -> AsyncIterator[None]:
    """Run the application's lifespan, as a server does."""
    asked: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
    told: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    life = asyncio.ensure_future(cast(Any, app)(scope, asked.get, told.put))
    await asked.put({"type": "lifespan.startup"})
    assert (await told.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await asked.put({"type": "lifespan.shutdown"})
        assert (await told.get())["type"] == "lifespan.shutdown.complete"
        await life
