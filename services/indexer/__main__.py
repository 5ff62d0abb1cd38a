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
from services.adapters.process import end, run_service, run_until, run_with_background, worker_id
from services.adapters.worker_status import publish_status
from services.core.events import Waiting, WorkerStatus
from services.core.settings import Reader
from services.core.topics import DEAD_LETTERS, WORKERS_STATUS
from services.indexer.service import CONSUMED, Outside, run

SERVICE = "indexer"
log = structlog.get_logger(SERVICE)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the process is told by its environment."""

    kafka: KafkaSettings
    database: DatabaseSettings

    @classmethod
    def read(cls, reader: Reader) -> "Settings":
        """From KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL."""
        return cls(kafka=KafkaSettings.read(reader), database=DatabaseSettings.read(reader))


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`: the batch in hand is written first."""
    names = [topic.name for topic in (*CONSUMED, DEAD_LETTERS, WORKERS_STATUS)]
    if not await run_until(stop, wait_for_topics(settings.kafka, names, log.warning)):
        return
    async with Publisher(settings.kafka, source=SERVICE) as publisher:
        topics = Topics(settings.kafka)
        waiting_for: str | None = None

        def say(sentence: str | None) -> None:
            nonlocal waiting_for
            if sentence is not None:
                log.warning(sentence)
            waiting_for = sentence

        def look() -> WorkerStatus:
            return WorkerStatus(
                worker_id=worker_id(SERVICE),
                service=SERVICE,
                state="running" if waiting_for is None else "waiting",
                waiting_for=None
                if waiting_for is None
                else Waiting(reason="index_waiting", message=waiting_for),
                at=datetime.now(UTC),
            )

        outside = Outside(
            open_reader=lambda: LogReader(settings.kafka, client_id=f"drivestream-{SERVICE}"),
            open_writer=lambda: CatalogWriter(settings.database),
            topic_ids=topics.ids,
            publisher=publisher,
            say=say,
        )
        await run_with_background(run(outside, stop), publish_status(publisher, look))


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, Settings.read, serve))
