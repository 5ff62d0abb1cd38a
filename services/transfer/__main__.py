"""`python -m services.transfer`: files found in, objects and outcomes out."""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from msgspec.structs import replace

from services.adapters.drive import open_drive
from services.adapters.drive.settings import DriveSettings
from services.adapters.kafka.admin import wait_for_topics
from services.adapters.kafka.consumer import Subscription
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.received import received
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.logs import tell_of_waiting
from services.adapters.process import alongside, end, run_service, unless, worker_id
from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.adapters.worker_status import publish_status
from services.core.events import Waiting, WorkerStatus
from services.core.flow.circuit_breaker import Standstill
from services.core.flow.concurrency import in_parallel
from services.core.flow.quota import Limiter, while_wanted
from services.core.flow.quota_settings import QuotaSettings
from services.core.flow.retry import RetryPolicy
from services.core.settings import Reader
from services.core.topics import (
    DEAD_LETTERS,
    FILES_FAILED,
    FILES_FOUND,
    FILES_STORED,
    WORKERS_STATUS,
)
from services.transfer.copy import Copier
from services.transfer.memory import Budget
from services.transfer.service import Transfer

SERVICE = "transfer"
TOPICS = (FILES_FOUND, FILES_STORED, FILES_FAILED, DEAD_LETTERS, WORKERS_STATUS)
MIB = 1024 * 1024
LINGER_MS = 20
log = structlog.get_logger(SERVICE)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the process is told by its environment."""

    kafka: KafkaSettings
    drive: DriveSettings
    quota: QuotaSettings
    store: StoreSettings
    at_once: int
    memory: int

    @classmethod
    def read(cls, reader: Reader) -> "Settings":
        """From KAFKA_*, GOOGLE_*, DRIVE_*, AWS_*, S3_* and TRANSFER_*."""
        return cls(
            kafka=KafkaSettings.read(reader),
            drive=DriveSettings.read(reader),
            quota=QuotaSettings.read(reader),
            store=StoreSettings.read(reader),
            at_once=reader.number("TRANSFER_CONCURRENCY", 32, 1, 1024),
            memory=reader.number("TRANSFER_MEMORY_MB", 96, 1, 1024 * 1024) * MIB,
        )


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`: then what is in hand is finished, within the subscription's drain time."""
    names = [topic.name for topic in TOPICS]
    if not await unless(stop, wait_for_topics(settings.kafka, names, log.warning)):
        return
    found = Subscription(settings.kafka, group=SERVICE, topic=FILES_FOUND.name)
    quota = Limiter(
        settings.quota, SERVICE, lambda: found.partitions / FILES_FOUND.partitions, log.warning
    )
    async with (
        Publisher(settings.kafka, source=SERVICE, linger_ms=LINGER_MS) as publisher,
        open_drive(settings.drive, connections=settings.at_once, quota=quota) as drive,
    ):
        store, standstill = ObjectStore(settings.store), Standstill(tell_of_waiting(SERVICE))
        copier = Copier(drive, store, Budget(settings.memory))
        transfer = Transfer(
            copier, publisher, bucket=store.bucket, policy=RetryPolicy(), standstill=standstill
        )

        async def work() -> None:
            if not await unless(stop, standstill.passed(store.ready)):
                return
            async with found:
                files = received(found, publisher, service=SERVICE)
                await in_parallel(
                    files,
                    lambda file: while_wanted(file, transfer.handle),
                    at_once=settings.at_once,
                )

        async def take_no_more() -> None:
            await stop.wait()
            found.stop()

        def look() -> WorkerStatus:
            return replace(
                _status(transfer, standstill, found.oldest_age), quota_share=quota.state().share
            )

        await alongside(work(), publish_status(publisher, look), take_no_more())


def _status(transfer: Transfer, standstill: Standstill, oldest_age: float) -> WorkerStatus:
    return WorkerStatus(
        worker_id=worker_id(SERVICE),
        service=SERVICE,
        state="running" if standstill.waiting_for is None else "waiting",
        waiting_for=None
        if standstill.waiting_for is None
        else Waiting(reason="waiting", message=standstill.waiting_for),
        in_flight=transfer.in_flight,
        oldest_unfinished_seconds=round(oldest_age, 3),
        at=datetime.now(UTC),
    )


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, Settings.read, serve))
