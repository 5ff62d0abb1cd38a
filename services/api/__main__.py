"""`python -m services.api`: connects the parts and serves with uvicorn until told to stop."""

import asyncio
import importlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import structlog

from services.adapters.catalog.notifications import Notifications
from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.replica import ReplicaSettings, ReplicatedCatalog, ReplicaWatch
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.drive.settings import DriveSettings
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.lag import LagReader
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.kafka.tail import Tail
from services.adapters.metrics import registered
from services.adapters.process import end, run_service
from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.adapters.store.urls import ObjectUrls
from services.adapters.thumbnails.pool import ThumbnailPool, ThumbnailSettings
from services.adapters.tracing.port import open_tracing
from services.adapters.tracing.settings import TracingSettings
from services.api.connections import allow_open_files
from services.api.import_cache import ImportCache
from services.api.lag import GROUPS, TOPICS, LagWatch
from services.api.server import Server, listener_on
from services.api.service import Outside, create_app
from services.api.settings import ApiSettings
from services.api.windows import HOUR, WindowCache, is_wanted
from services.api.windows import NEWEST_RECORDS as NEWEST_WINDOWS
from services.api.worker_cache import NEWEST_RECORDS, WorkerCache
from services.core.errors import CREDENTIALS_REFUSED, Stop
from services.core.flow.quota import QuotaSettings
from services.core.ports import PreviewsFolders, SpendsQuota
from services.core.settings import SettingsError, SettingsGroup
from services.core.topics import STATS_WINDOWS, WORKERS_STATUS

log = structlog.get_logger()

ANSWER_MS = 10
"""How long a fetch waits at the end of a partition. Whatever is asked next waits for it."""
CONNECTIONS = 16
"""Of all previews together, for pages and thumbnails."""


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    api: ApiSettings
    kafka: KafkaSettings
    store: StoreSettings
    database: DatabaseSettings
    replica: ReplicaSettings
    drive: DriveSettings
    quota: QuotaSettings
    thumbnails: ThumbnailSettings
    tracing: TracingSettings


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop`. Kafka and PostgreSQL may come later."""
    if settings.drive.missing:
        log.warning("drive.no_credentials", why=settings.drive.missing)
    allow_open_files(settings.api.connections)
    listener = listener_on(settings.api.host, settings.api.port)
    catalog, replica = _catalog(settings)
    pool = ThumbnailPool(settings.thumbnails)
    lag = LagReader(settings.kafka, TOPICS, GROUPS)
    try:
        async with (
            Publisher(settings.kafka, source="api", timeout=8.0) as publisher,
            open_tracing(settings.tracing, "api") as tracing,
        ):
            app = create_app(
                settings.api,
                tracing.publisher(publisher),
                catalog,
                Tail(lambda: LogReader(settings.kafka, client_id="drivestream-api"), ImportCache()),
                Tail(
                    lambda: LogReader(settings.kafka, client_id="drivestream-api-workers"),
                    WorkerCache(),
                    topic=WORKERS_STATUS.name,
                    newest=NEWEST_RECORDS,
                ),
                replace(_outside(settings, pool, LagWatch(lag, catalog), stop), replica=replica),
            )
            host, port = listener.getsockname()[:2]
            log.info("api.listening", host=host, port=port)
            app = tracing.requests(app)
            with registered(*tracing.metrics):
                await Server(app, stop, settings.api.connections).serve([listener])
    finally:
        lag.close()
        await pool.close()
        await catalog.close()


def _catalog(settings: Settings) -> tuple[CatalogReader, ReplicaWatch | None]:
    if settings.replica.database is None:
        return CatalogReader(settings.database), None
    catalog = ReplicatedCatalog(settings.database, settings.replica.database)
    return catalog, catalog.watch


def _windows(kafka: KafkaSettings) -> Tail[WindowCache]:
    return Tail(
        lambda: LogReader(kafka, client_id="drivestream-api-windows"),
        WindowCache(),
        topic=STATS_WINDOWS.name,
        newest=NEWEST_WINDOWS,
        since=HOUR,
        wants=is_wanted,
    )


def _outside(
    settings: Settings, pool: ThumbnailPool, lag: LagWatch, stop: asyncio.Event
) -> Outside:
    return Outside(
        urls=ObjectUrls(settings.store, lambda: datetime.now(UTC)),
        open_log=partial(
            LogReader, settings.kafka, client_id="drivestream-api-asks", wait_ms=ANSWER_MS
        ),
        topic_ids=Topics(settings.kafka).ids,
        quota=settings.quota,
        store=ObjectStore(settings.store),
        pool=pool,
        lag=lag,
        windows=_windows(settings.kafka),
        open_drive=partial(_open_drive, settings.drive),
        follow=Notifications(settings.database).follow,
        stopping=stop,
        lacks=settings.drive.missing,
    )


@asynccontextmanager
async def _open_drive(
    settings: DriveSettings, quota: SpendsQuota
) -> AsyncIterator[PreviewsFolders]:
    """Raises `Stop` where the key file of a service account is not one."""
    # Most processes never preview anything, and aiohttp takes long to import.
    client = await asyncio.to_thread(importlib.import_module, "services.adapters.drive.client")
    try:
        async with client.open_drive(
            settings, connections=CONNECTIONS, quota=quota, thumbnail_links=True
        ) as drive:
            yield drive
    except SettingsError as why:
        raise Stop(CREDENTIALS_REFUSED, str(why)) from why


if __name__ == "__main__":
    end(run_service("api", os.environ, Settings.read, run))
