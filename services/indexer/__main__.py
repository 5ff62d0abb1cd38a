"""`python -m services.indexer`: facts into rows."""

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from services.adapters import process
from services.adapters.catalog.settings import DatabaseSettings
from services.adapters.catalog.unfinished import UnfinishedReader
from services.adapters.catalog.writer import Position
from services.adapters.kafka.admin import LogOffsets, Topics, wait_for_topics
from services.adapters.kafka.producer import Publisher, PublishesRecords
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.metrics import MetricsSettings, WorkerMetrics, metrics_endpoint
from services.adapters.tracing.port import Tracing, open_tracing
from services.adapters.tracing.settings import TracingSettings
from services.adapters.work_metrics import CountingPublisher, WorkMetrics
from services.core.events import Waiting, WorkerStatus
from services.core.settings import SettingsGroup
from services.indexer.recovery import Recovery, RecoverySettings
from services.indexer.service import Indexer
from services.indexer.traced import TracedWriter

SERVICE = "indexer"
FETCH_MS, FETCH_BYTES = 100, 64 * 1024
"""A fetch for each outcome would cost the broker more than all the rest (decisions/0043)."""

SWITCH_SECONDS = 0.0005
"""How long whoever decodes and folds keeps PostgreSQL waiting for the thread that feeds it, at each
of its answers. Python's default is ten times that."""


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    kafka: KafkaSettings
    database: DatabaseSettings
    metrics: MetricsSettings
    recovery: RecoverySettings
    tracing: TracingSettings


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    async with open_tracing(settings.tracing, SERVICE) as tracing:
        await _serve(settings, stop, tracing)


async def _serve(settings: Settings, stop: asyncio.Event, tracing: Tracing) -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    kafka = settings.kafka
    waiting_for: Waiting | None = process.STARTING

    def tell(waiting: Waiting | None) -> None:
        nonlocal waiting_for
        waiting_for = waiting

    def without_topics(sentence: str) -> None:
        tell(Waiting(reason="kafka_unavailable", message=sentence))
        told()

    def status() -> WorkerStatus:
        return process.worker_status(SERVICE, waiting_for)

    told = process.WaitingLog(status)
    lag: dict[Position, int] = {}
    work = WorkMetrics({SERVICE: lag})
    with metrics_endpoint(settings.metrics, WorkerMetrics(status), work, *tracing.metrics):
        if not await process.run_until(stop, wait_for_topics(kafka, without_topics)):
            return
        async with Publisher(kafka, source=SERVICE) as publisher:
            offsets = LogOffsets(kafka)
            indexer = Indexer(
                open_reader=lambda: tracing.reader(_reader(kafka)),
                open_writer=lambda: TracedWriter(settings.database, tracing),
                topic_ids=Topics(kafka).ids,
                bounds=offsets.bounds,
                publisher=publisher,
                tell=tell,
                stopping=stop,
                beside=_recovery(settings, offsets, CountingPublisher(publisher, work)),
                called=work.called,
                lag=lag,
            )
            telling = process.publish_status(publisher, told)
            await process.run_with_background(indexer.run(), telling)


def _reader(kafka: KafkaSettings) -> LogReader:
    client_id = f"drivestream-{SERVICE}"
    return LogReader(kafka, client_id=client_id, wait_ms=FETCH_MS, least_bytes=FETCH_BYTES)


def _recovery(
    settings: Settings, offsets: LogOffsets, publisher: PublishesRecords
) -> Callable[[], process.Running]:
    open_catalog = partial(UnfinishedReader, settings.database)
    return lambda: Recovery(settings.recovery, open_catalog, offsets, publisher).run()


if __name__ == "__main__":
    code = process.run_service(SERVICE, os.environ, Settings.read, serve, process.NOTHING_TO_SAVE)
    process.end(code)
