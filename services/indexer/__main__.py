"""`python -m services.indexer`: facts into rows."""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.writer import CatalogWriter
from services.adapters.kafka.admin import Topics, wait_for_topics
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.metrics import MetricsSettings, WorkerMetrics, metrics_endpoint
from services.adapters.process import end, run_service, run_until, run_with_background, worker_id
from services.adapters.worker_status import publish_status
from services.core.events import Waiting, WorkerStatus
from services.core.settings import SettingsGroup
from services.core.topics import DEAD_LETTERS, WORKERS_STATUS
from services.indexer.service import CONSUMED, Indexer

SERVICE = "indexer"
TOPICS = [topic.name for topic in (*CONSUMED, DEAD_LETTERS, WORKERS_STATUS)]
log = structlog.get_logger(SERVICE)


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    kafka: KafkaSettings
    database: DatabaseSettings
    metrics: MetricsSettings


class _Status:
    """What this process waits for, as it logs it and tells it."""

    waiting: Waiting | None = None

    def tell(self, waiting: Waiting | None) -> None:
        if waiting is not None:
            log.warning("indexer.waiting", reason=waiting.reason, why=waiting.message)
        self.waiting = waiting

    def without_topics(self, sentence: str) -> None:
        self.tell(Waiting(reason="kafka_unavailable", message=sentence))

    def look(self) -> WorkerStatus:
        return WorkerStatus(
            worker_id=worker_id(SERVICE),
            service=SERVICE,
            state="running" if self.waiting is None else "waiting",
            waiting_for=self.waiting,
            at=datetime.now(UTC),
        )


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`: the batch in hand is written first."""
    kafka, status = settings.kafka, _Status()
    with metrics_endpoint(settings.metrics, WorkerMetrics(status.look)):
        if not await run_until(stop, wait_for_topics(kafka, TOPICS, status.without_topics)):
            return
        async with Publisher(kafka, source=SERVICE) as publisher:
            indexer = Indexer(
                open_reader=lambda: LogReader(kafka, client_id=f"drivestream-{SERVICE}"),
                open_writer=lambda: CatalogWriter(settings.database),
                topic_ids=Topics(kafka).ids,
                publisher=publisher,
                tell=status.tell,
                stopping=stop,
            )
            await run_with_background(indexer.run(), publish_status(publisher, status.look))


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, Settings.read, serve))
