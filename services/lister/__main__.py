"""`python -m services.lister`: imports requested in, files found and manifests out."""

import asyncio
import os

from services.adapters.drive.client import Drive
from services.adapters.kafka.group_consumer import Flow
from services.adapters.process import end, run_service
from services.adapters.worker import Consumes, Worker, WorkerSettings, WorkerSpec, run_worker
from services.core import topics as t
from services.core.flow.resilience import RetryPolicy
from services.lister.service import LOOK_UPS_AT_ONCE, DriveReader, Lister

SERVICE = "lister"
PAGES_AT_ONCE = 16
SPEC = WorkerSpec(
    service=SERVICE,
    consumes=(
        # A page costs more than a commit. Frequent commits make a killed lister repeat few pages.
        Consumes(
            topic=t.IMPORTS_PAGES,
            group=SERVICE,
            at_once=PAGES_AT_ONCE,
            flow=Flow(commit_every_seconds=0.05),
        ),
        Consumes(topic=t.IMPORTS_REQUESTED, group="lister-requests", at_once=1),
    ),
    connections=PAGES_AT_ONCE + LOOK_UPS_AT_ONCE,
    # One folder may be most of an import, so it gets more attempts than a file.
    policy=RetryPolicy(attempts=4, first_wait=1.0),
)


async def serve(settings: WorkerSettings, stop: asyncio.Event) -> None:
    async def lister(worker: Worker, drive: Drive) -> Lister:
        calls = worker.calls_to("drive", drive.answers)
        return Lister(DriveReader(drive, calls), worker.publisher)

    await run_worker(SPEC, settings, stop, lister)


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, WorkerSettings.read, serve))
