"""`python -m services.lister`: imports requested in, files found and manifests out."""

import asyncio
import os

from services.adapters.drive.client import Drive
from services.adapters.kafka.admin import Topics
from services.adapters.kafka.backlog import Backlog
from services.adapters.kafka.flow import Flow
from services.adapters.kafka.ranges import RangeReader
from services.adapters.kafka.reader import LogReader
from services.adapters.process import end, run_service
from services.adapters.worker import Consumes, Worker, WorkerSettings, WorkerSpec, run_worker
from services.core import topics as t
from services.core.events import LogPartRequested, Message
from services.core.flow.resilience import RetryPolicy
from services.lister.replay import Replays
from services.lister.service import LOOK_UPS_AT_ONCE, DriveReader, Lister

SERVICE = "lister"
PAGES_AT_ONCE = 16
FILES_A_PAGE = 4
"""The quota lasts for so many files in the time of one page: 88 % at 200 units, 10 % at 100."""
REPLAY_PARTS_AT_ONCE = 60
"""Those of five replays: a slow one must not hold up the others for long."""
TRANSFER_GROUP = "transfer"


def of_replay(event: Message) -> bool:
    return isinstance(event, LogPartRequested) and event.why == "replay"


SPEC = WorkerSpec(
    service=SERVICE,
    consumes=(
        # A page costs more than a commit. Frequent commits make a killed lister repeat few pages.
        Consumes(
            topic=t.IMPORTS_PAGES,
            group=SERVICE,
            at_once=PAGES_AT_ONCE,
            flow=Flow(commit_every_seconds=0.05, looks_ahead=True),
            weight=FILES_A_PAGE,
            takes=lambda event: not of_replay(event),
        ),
        # A part of a replay may take hours, and no page may wait for it. It is in hand whenever a
        # page kills the lister, and so would be condemned before that page.
        Consumes(
            topic=t.IMPORTS_PAGES,
            group="lister-replays",
            at_once=REPLAY_PARTS_AT_ONCE,
            takes=of_replay,
            suspects=False,
        ),
        Consumes(topic=t.IMPORTS_REQUESTED, group="lister-requests", at_once=8),
    ),
    connections=PAGES_AT_ONCE + LOOK_UPS_AT_ONCE,
    # One folder may be most of an import, so it gets more attempts than a file.
    policy=RetryPolicy(attempts=4, first_wait=1.0),
)


async def serve(settings: WorkerSettings, stop: asyncio.Event) -> None:
    def open_log() -> RangeReader:
        client_id = "drivestream-lister-log"
        return RangeReader(lambda: LogReader(settings.kafka, client_id=client_id, wait_ms=10))

    admin = Topics(settings.kafka)

    async def make_topic(topic: t.Topic) -> None:
        await asyncio.to_thread(admin.make, topic)

    backlog = Backlog(settings.kafka, group=TRANSFER_GROUP, topic=t.FILES_FOUND.name)

    async def lister(worker: Worker, drive: Drive) -> Lister:
        calls = worker.calls_to("drive", drive.answers)
        replays = Replays(open_log, worker.publisher, worker.controls, backlog.of, make_topic)
        worker.holders.append(replays.holds)
        folders = DriveReader(worker.tracing.folders(drive), calls)
        return Lister(folders, worker.publisher, open_log, replays)

    await run_worker(SPEC, settings, stop, lister)


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, WorkerSettings.read, serve))
