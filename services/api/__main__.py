"""`python -m services.api`: connects the parts and serves with uvicorn until told to stop."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import cast

import structlog
import uvicorn
from litestar.types import ASGIApp

from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader, Tail
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.process import end, run_service
from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.adapters.store.urls import ObjectUrls
from services.adapters.thumbnails.pool import ThumbnailPool, ThumbnailSettings
from services.api.connections import Connection, allow_open_files
from services.api.progress import NEWEST_RECORDS, ImportCache, WorkerCache
from services.api.service import Outside, create_app
from services.api.settings import ApiSettings
from services.core.errors import Stop
from services.core.flow.quota import QuotaSettings
from services.core.settings import SettingsGroup
from services.core.topics import WORKERS_STATUS

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    api: ApiSettings
    kafka: KafkaSettings
    store: StoreSettings
    database: DatabaseSettings
    quota: QuotaSettings
    thumbnails: ThumbnailSettings


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop`. Kafka and PostgreSQL may come later."""
    allow_open_files(settings.api.connections)
    listener = _listener(settings.api.host, settings.api.port)
    catalog = CatalogReader(settings.database)
    pool = ThumbnailPool(settings.thumbnails)
    try:
        async with Publisher(settings.kafka, source="api", timeout=8.0) as publisher:
            app = create_app(
                settings.api,
                publisher,
                catalog,
                Tail(lambda: LogReader(settings.kafka, client_id="drivestream-api"), ImportCache()),
                Tail(
                    lambda: LogReader(settings.kafka, client_id="drivestream-api-workers"),
                    WorkerCache(),
                    topic=WORKERS_STATUS.name,
                    newest=NEWEST_RECORDS,
                ),
                Outside(
                    urls=ObjectUrls(settings.store, lambda: datetime.now(UTC)),
                    topic_ids=Topics(settings.kafka).ids,
                    quota=settings.quota,
                    store=ObjectStore(settings.store),
                    pool=pool,
                ),
            )
            host, port = listener.getsockname()[:2]
            log.info("api.listening", host=host, port=port)
            await _Server(app, stop, settings.api.connections).serve([listener])
    finally:
        await pool.close()
        await catalog.close()


def _listener(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as why:
        message = f"The API cannot listen on {host}, port {port}: {why.strerror}."
        raise Stop("cannot_listen", message) from why


class _Server(uvicorn.Server):
    """Stops at an event. Signals are left to `adapters/process.py`: uvicorn raises each again after
    it has stopped, so the process would exit with an error."""

    def __init__(self, app: ASGIApp, stop: asyncio.Event, connections: int) -> None:
        config = uvicorn.Config(
            app,
            http=cast(type[asyncio.Protocol], partial(Connection, most=connections)),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,  # seconds that requests in progress have to end
            timeout_keep_alive=20,
        )
        super().__init__(config)
        self._stop = stop

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.is_set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


if __name__ == "__main__":
    end(run_service("api", os.environ, Settings.read, run))
