"""`python -m services.lister`: imports requested in, files found and manifests out."""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from msgspec.structs import replace

from services.adapters.drive import open_drive
from services.adapters.drive.settings import DriveSettings
from services.adapters.kafka.admin import wait_for_topics
from services.adapters.kafka.consumer import Flow, Subscription
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.received import received
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.logs import tell_of_waiting
from services.adapters.process import alongside, end, run_service, unless, worker_id
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
    IMPORTS_LISTED,
    IMPORTS_PAGES,
    IMPORTS_REQUESTED,
    WORKERS_STATUS,
)
from services.lister.drive_reader import LOOK_UPS_AT_ONCE, Asking
from services.lister.service import Lister

SERVICE = "lister"
TOPICS = (
    IMPORTS_REQUESTED,
    IMPORTS_PAGES,
    IMPORTS_LISTED,
    FILES_FOUND,
    FILES_FAILED,
    DEAD_LETTERS,
    WORKERS_STATUS,
)
PAGES_AT_ONCE = 16
# A folder that fails may be most of an import, so it is tried longer than a single file: about two
# minutes. Being rate limited for longer than the patience is waited for as a standstill.
POLICY = RetryPolicy(attempts=12, first_wait=1.0, patience=300.0)
# A page costs more than a commit: a killed lister is to repeat as few as it can.
FLOW = Flow(commit_every_seconds=0.05)
log = structlog.get_logger(SERVICE)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the process is told by its environment."""

    kafka: KafkaSettings
    drive: DriveSettings
    quota: QuotaSettings

    @classmethod
    def read(cls, reader: Reader) -> "Settings":
        """From KAFKA_*, GOOGLE_* and DRIVE_*."""
        return cls(
            kafka=KafkaSettings.read(reader),
            drive=DriveSettings.read(reader),
            quota=QuotaSettings.read(reader),
        )


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`: then the pages in hand are finished, within the subscriptions' drain time."""
    names = [topic.name for topic in TOPICS]
    if not await unless(stop, wait_for_topics(settings.kafka, names, log.warning)):
        return
    requests = Subscription(settings.kafka, group="lister-requests", topic=IMPORTS_REQUESTED.name)
    pages = Subscription(settings.kafka, group=SERVICE, topic=IMPORTS_PAGES.name, flow=FLOW)
    quota = Limiter(
        settings.quota, SERVICE, lambda: pages.partitions / IMPORTS_PAGES.partitions, log.warning
    )
    async with (
        Publisher(settings.kafka, source=SERVICE) as publisher,
        open_drive(
            settings.drive, connections=PAGES_AT_ONCE + LOOK_UPS_AT_ONCE, quota=quota
        ) as drive,
        requests,
        pages,
    ):
        standstill = Standstill(tell_of_waiting(SERVICE))
        lister = Lister(Asking(drive, POLICY, standstill), publisher)

        async def take_no_more() -> None:
            await stop.wait()
            requests.stop()
            pages.stop()

        def look() -> WorkerStatus:
            oldest_age = max(requests.oldest_age, pages.oldest_age)
            return replace(_status(lister, standstill, oldest_age), quota_share=quota.state().share)

        await alongside(
            _both(requests, pages, lister, publisher),
            publish_status(publisher, look),
            take_no_more(),
        )


def _status(lister: Lister, standstill: Standstill, oldest_age: float) -> WorkerStatus:
    return WorkerStatus(
        worker_id=worker_id(SERVICE),
        service=SERVICE,
        state="running" if standstill.waiting_for is None else "waiting",
        waiting_for=None
        if standstill.waiting_for is None
        else Waiting(reason="waiting", message=standstill.waiting_for),
        in_flight=lister.in_flight,
        oldest_unfinished_seconds=round(oldest_age, 3),
        at=datetime.now(UTC),
    )


async def _both(
    requests: Subscription, pages: Subscription, lister: Lister, publisher: Publisher
) -> None:
    asked = received(requests, publisher, service=SERVICE)
    to_list = received(pages, publisher, service=SERVICE)
    async with asyncio.TaskGroup() as loops:
        loops.create_task(in_parallel(asked, lister.start, at_once=1))
        loops.create_task(
            in_parallel(
                to_list, lambda page: while_wanted(page, lister.list_page), at_once=PAGES_AT_ONCE
            )
        )


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, Settings.read, serve))
