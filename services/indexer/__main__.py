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
from services.core.settings import Reader
from services.core.topics import DEAD_LETTERS, WORKERS_STATUS
from services.indexer.service import CONSUMED, Dependencies, run

SERVICE = "indexer"
TOPICS = (*CONSUMED, DEAD_LETTERS, WORKERS_STATUS)
log = structlog.get_logger(SERVICE)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the process is told by its environment."""

    kafka: KafkaSettings
    database: DatabaseSettings
    metrics: MetricsSettings

    @classmethod
    def read(cls, reader: Reader) -> "Settings":
        """From KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL, METRICS_HOST and METRICS_PORT."""
        return cls(
            kafka=KafkaSettings.read(reader),
            database=DatabaseSettings.read(reader),
            metrics=MetricsSettings.read(reader),
        )


class _Status:
    """What this process waits for, as it logs it and tells it."""

    def __init__(self) -> None:
        self._waiting: Waiting | None = None

    def tell(self, waiting: Waiting | None) -> None:
        if waiting is not None:
            log.warning("indexer.waiting", reason=waiting.reason, why=waiting.message)
        self._waiting = waiting

    def look(self) -> WorkerStatus:
        return WorkerStatus(
            worker_id=worker_id(SERVICE),
            service=SERVICE,
            state="running" if self._waiting is None else "waiting",
            waiting_for=self._waiting,
            at=datetime.now(UTC),
        )


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`: the batch in hand is written first."""
    status = _Status()

    def without_topics(sentence: str) -> None:
        status.tell(Waiting(reason="kafka_unavailable", message=sentence))

    with metrics_endpoint(settings.metrics, WorkerMetrics(status.look)):
        names = [topic.name for topic in TOPICS]
        if not await run_until(stop, wait_for_topics(settings.kafka, names, without_topics)):
            return
        async with Publisher(settings.kafka, source=SERVICE) as publisher:
            dependencies = Dependencies(
                open_reader=lambda: LogReader(settings.kafka, client_id=f"drivestream-{SERVICE}"),
                open_writer=lambda: CatalogWriter(settings.database),
                topic_ids=Topics(settings.kafka).ids,
                publisher=publisher,
                tell=status.tell,
            )
            await run_with_background(
                run(dependencies, stop), publish_status(publisher, status.look)
            )


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, Settings.read, serve))
