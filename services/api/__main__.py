"""`python -m services.api`: reads the settings, connects the parts, serves until told to stop."""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime

from services.adapters.catalog.reader import CatalogReader
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.kafka.tail import Tail
from services.adapters.process import end, run_service
from services.adapters.store.settings import StoreSettings
from services.adapters.store.urls import ObjectUrls
from services.api.progress import ImportCache
from services.api.serve import listening, serve
from services.api.service import create_app
from services.api.settings import ApiSettings
from services.api.waiting import NEWEST_RECORDS, WorkerCache
from services.core.settings import SettingsGroup
from services.core.topics import WORKERS_STATUS

PUBLISH_SECONDS = 8.0


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    api: ApiSettings
    kafka: KafkaSettings
    store: StoreSettings
    database: DatabaseSettings


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop`. Kafka and PostgreSQL may come later."""
    listener = listening(settings.api.host, settings.api.port)
    catalog = CatalogReader(settings.database)
    try:
        async with Publisher(settings.kafka, source="api", timeout=PUBLISH_SECONDS) as publisher:
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
                ObjectUrls(settings.store, lambda: datetime.now(UTC)),
            )
            await serve(app, listener, stop)
    finally:
        await catalog.close()


if __name__ == "__main__":
    end(run_service("api", os.environ, Settings.read, run))
