"""The api in memory: a log, a catalog, and a client that speaks to the application directly."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from litestar.types import ASGIApp

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.tail import Tail
from services.adapters.store.settings import StoreSettings
from services.adapters.store.urls import ObjectUrls
from services.api.import_cache import ImportCache
from services.api.lag import GROUPS, TOPICS, LagWatch
from services.api.service import Outside, create_app
from services.api.settings import ApiSettings
from services.api.windows import WindowCache, is_wanted
from services.api.worker_cache import NEWEST_RECORDS, WorkerCache
from services.core.flow.quota import QuotaSettings
from services.core.ports import PublishesEvents
from services.core.settings import Reader, Secret
from services.core.topics import STATS_WINDOWS, WORKERS_STATUS
from tests.fakes.catalog import FakeCatalog
from tests.fakes.drive import FakeDrive
from tests.fakes.lag_reader import FakeLagReader
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.fakes.object_store import FakeStore
from tests.fakes.thumbnail_pool import FakeThumbnailPool

STORE = StoreSettings(
    access_key_id="key-id",
    secret_access_key=Secret("never-to-be-seen"),
    region="eu-test-1",
    bucket="pictures",
    endpoint_url="http://store.test:9000",
    public_url="http://store.test:9000",
    public_read=True,
)
PRIVATE = replace(STORE, public_read=False)

SCOPE: Mapping[str, object] = {
    "type": "http",
    "method": "GET",
    "path": "/x",
    "raw_path": b"/x",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
}


@dataclass
class AheadClock:
    """A clock that a test can put forward."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Api:
    """The application and everything around it."""

    client: httpx.AsyncClient
    app: ASGIApp
    catalog: FakeCatalog
    log: FakeLog
    imports: Tail[ImportCache]
    workers: Tail[WorkerCache]
    store: FakeStore
    pool: FakeThumbnailPool
    stopping: asyncio.Event
    drive: FakeDrive
    windows: Tail[WindowCache]
    lag: FakeLagReader
    lag_clock: AheadClock

    def forget_lag(self) -> None:
        """What was seen is no longer fresh."""
        self.lag_clock.ahead += 3.0

    async def settled(self) -> None:
        """Return when both tails have read what is in the log."""
        assert await self.imports.caught_up(15)
        assert await self.workers.caught_up(15)

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
        await api.settled()
        yield api


@asynccontextmanager
async def running(
    log: FakeLog,
    catalog: FakeCatalog,
    publisher: PublishesEvents,
    *,
    store: StoreSettings = STORE,
    env: Mapping[str, str] | None = None,
    reader: Callable[[FakeLog], FakeLogReader] = FakeLogReader,
) -> AsyncIterator[Api]:
    """A process of the api, from its start to its end; `reader` reads the imports."""
    imports = Tail(lambda: reader(log), ImportCache(), retry_seconds=0.01)
    workers = Tail(
        lambda: FakeLogReader(log),
        WorkerCache(),
        topic=WORKERS_STATUS.name,
        newest=NEWEST_RECORDS,
        retry_seconds=0.01,
    )
    objects, pool, stopping = FakeStore(), FakeThumbnailPool(), asyncio.Event()
    drive = FakeDrive()
    windows = Tail(
        lambda: FakeLogReader(log),
        WindowCache(),
        topic=STATS_WINDOWS.name,
        wants=is_wanted,
        retry_seconds=0.01,
    )
    lag, clock = FakeLagReader(log, TOPICS, GROUPS), AheadClock()
    urls = ObjectUrls(store, lambda: datetime(2026, 11, 23, 12, 34, tzinfo=UTC))
    settings = ApiSettings.read(Reader(env or {}))
    outside = Outside(
        urls=urls,
        open_log=imports.open_log,
        topic_ids=log.topic_ids,
        quota=QuotaSettings.read(Reader({})),
        store=objects,
        pool=pool,
        follow=catalog.follow,
        open_drive=lambda _quota: nullcontext(drive),
        stopping=stopping,
        lag=LagWatch(lag, catalog, clock),
        windows=windows,
        replica=catalog.replica,
    )
    app = create_app(settings, publisher, catalog, imports, workers, outside)
    transport = httpx.ASGITransport(cast(Any, app), raise_app_exceptions=False)
    address = "http://localhost:3000"
    async with alive(app), httpx.AsyncClient(transport=transport, base_url=address) as client:
        yield Api(
            client=client,
            app=app,
            catalog=catalog,
            log=log,
            imports=imports,
            workers=workers,
            store=objects,
            pool=pool,
            stopping=stopping,
            drive=drive,
            windows=windows,
            lag=lag,
            lag_clock=clock,
        )


async def holds(condition: Callable[[], object]) -> None:
    """Return once it holds; fails after many seconds."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


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
