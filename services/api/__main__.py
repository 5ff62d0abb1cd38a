"""`python -m services.api`: read the settings, make the parts, serve until told to stop."""

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
from services.api import metrics
from services.api.known_imports import KnownImports
from services.api.serve import listening, serve
from services.api.service import SERVICE, Parts, create_app
from services.api.settings import ApiSettings
from services.api.workers import KnownWorkers
from services.core.settings import Reader

PUBLISH_SECONDS = 8.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the process is told by its environment."""

    api: ApiSettings
    kafka: KafkaSettings
    store: StoreSettings
    database: DatabaseSettings

    @classmethod
    def read(cls, reader: Reader) -> "Settings":
        """From HOST, PORT, API_OPEN, KAFKA_BOOTSTRAP_SERVERS, AWS_*, S3_* and DATABASE_URL."""
        return cls(
            api=ApiSettings.read(reader),
            kafka=KafkaSettings.read(reader),
            store=StoreSettings.read(reader),
            database=DatabaseSettings.read(reader),
        )


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`. Neither Kafka nor PostgreSQL need be there to begin with."""
    listener = listening(settings.api.host, settings.api.port)
    catalog = CatalogReader(settings.database)
    client_id = f"drivestream-{SERVICE}"
    tail = Tail(lambda: LogReader(settings.kafka, client_id=client_id), KnownImports())
    workers = Tail(
        lambda: LogReader(settings.kafka, client_id=f"{client_id}-workers"),
        KnownWorkers(),
        topic=metrics.TOPIC,
        newest=metrics.NEWEST,
    )
    urls = ObjectUrls(settings.store, lambda: datetime.now(UTC))
    try:
        async with Publisher(settings.kafka, source=SERVICE, timeout=PUBLISH_SECONDS) as publisher:
            parts = Parts(
                publisher=publisher, catalog=catalog, tail=tail, workers=workers, urls=urls
            )
            await serve(create_app(parts), listener, stop)
    finally:
        await catalog.close()


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, Settings.read, run))
