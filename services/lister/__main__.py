"""`python -m services.lister`: imports requested in, files found and manifests out."""

import asyncio
import os

from services.adapters.drive import Drive
from services.adapters.kafka.group_consumer import Flow
from services.adapters.process import end, run_service
from services.adapters.worker import Consumes, Worker, WorkerSettings, WorkerSpec, run_worker
from services.core.flow.retry import RetryPolicy
from services.core.topics import (
    FILES_FAILED,
    FILES_FOUND,
    IMPORTS_LISTED,
    IMPORTS_PAGES,
    IMPORTS_REQUESTED,
)
from services.lister.drive_reader import LOOK_UPS_AT_ONCE, DriveReader
from services.lister.service import Lister

SERVICE = "lister"
PAGES_AT_ONCE = 16
SPEC = WorkerSpec(
    service=SERVICE,
    consumes=(
        # A page costs more than a commit, so a killed lister should repeat few of them.
        Consumes(
            topic=IMPORTS_PAGES,
            group=SERVICE,
            at_once=PAGES_AT_ONCE,
            flow=Flow(commit_every_seconds=0.05),
        ),
        Consumes(topic=IMPORTS_REQUESTED, group="lister-requests", at_once=1),
    ),
    publishes=(IMPORTS_PAGES, IMPORTS_LISTED, FILES_FOUND, FILES_FAILED),
    connections=PAGES_AT_ONCE + LOOK_UPS_AT_ONCE,
    # A folder that fails may be most of an import, so it is tried longer than a single file.
    policy=RetryPolicy(attempts=4, first_wait=1.0),
)


async def serve(settings: WorkerSettings, stop: asyncio.Event) -> None:
    """List folders until `stop`."""

    async def lister(worker: Worker, drive: Drive) -> Lister:
        calls = worker.calls_to("drive", drive.answers)
        return Lister(DriveReader(drive, calls), worker.publisher)

    await run_worker(SPEC, settings, stop, lister)


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, WorkerSettings.read, serve))
