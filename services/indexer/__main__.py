"""`python -m services.indexer`: facts into rows."""

import asyncio
import os
import time
from dataclasses import dataclass

import structlog

from services.adapters import process
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter
from services.adapters.kafka.admin import Topics, wait_for_topics
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.metrics import MetricsSettings, WorkerMetrics, metrics_endpoint
from services.core.events import Waiting, WorkerStatus
from services.core.settings import SettingsGroup
from services.indexer.service import Indexer

SERVICE = "indexer"
LOG_EVERY_SECONDS = 30.0
log = structlog.get_logger(SERVICE)


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    kafka: KafkaSettings
    database: DatabaseSettings
    metrics: MetricsSettings


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    kafka = settings.kafka
    waiting_for: Waiting | None = None

    logged_at = -LOG_EVERY_SECONDS

    def tell(waiting: Waiting | None) -> None:
        nonlocal waiting_for, logged_at
        again = time.monotonic() - logged_at >= LOG_EVERY_SECONDS
        if waiting is not None and (again or waiting != waiting_for):
            log.warning("indexer.waiting", reason=waiting.reason, why=waiting.message)
            logged_at = time.monotonic()
        waiting_for = waiting

    def without_topics(sentence: str) -> None:
        tell(Waiting(reason="kafka_unavailable", message=sentence))

    def status() -> WorkerStatus:
        return process.worker_status(SERVICE, waiting_for)

    with metrics_endpoint(settings.metrics, WorkerMetrics(status)):
        if not await process.run_until(stop, wait_for_topics(kafka, without_topics)):
            return
        async with Publisher(kafka, source=SERVICE) as publisher:
            indexer = Indexer(
                open_reader=lambda: LogReader(kafka, client_id=f"drivestream-{SERVICE}"),
                open_writer=lambda: CatalogWriter(settings.database),
                topic_ids=Topics(kafka).ids,
                publisher=publisher,
                tell=tell,
                stopping=stop,
            )
            telling = process.publish_status(publisher, status)
            await process.run_with_background(indexer.run(), telling)


if __name__ == "__main__":
    process.end(process.run_service(SERVICE, os.environ, Settings.read, serve))
