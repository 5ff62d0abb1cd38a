"""`python -m services.transfer`: files found in, objects and outcomes out."""

import asyncio
import os
from dataclasses import dataclass

from services.adapters.drive.client import Drive
from services.adapters.kafka.flow import Flow
from services.adapters.process import end, run_service
from services.adapters.store.objects import ObjectStore
from services.adapters.store.settings import StoreSettings
from services.adapters.worker import Consumes, Worker, WorkerSettings, WorkerSpec, run_worker
from services.core.flow.adaptive import Bounds
from services.core.flow.occupancy import DRIVE, STORE
from services.core.settings import Reader
from services.core.topics import FILES_FOUND
from services.transfer.adaptation import Adaptation, read_bounds
from services.transfer.copier import Copier
from services.transfer.lines import Lines
from services.transfer.memory import MemoryBudget
from services.transfer.service import Transfer

SERVICE = "transfer"


@dataclass(frozen=True, kw_only=True)
class Settings:
    worker: WorkerSettings
    store: StoreSettings
    concurrency: Bounds
    memory: int

    @classmethod
    def read(cls, reader: Reader) -> "Settings":
        return cls(
            worker=WorkerSettings.read(reader),
            store=StoreSettings.read(reader),
            concurrency=read_bounds(reader),
            memory=reader.number("TRANSFER_MEMORY_MB", 80, 1, 1024 * 1024) * 1024 * 1024,
        )


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Copy files until `stop`. Nothing is consumed before the bucket answers."""
    bounds = settings.concurrency
    spec = WorkerSpec(
        service=SERVICE,
        consumes=(
            Consumes(
                topic=FILES_FOUND,
                group=SERVICE,
                at_once=bounds.first,
                flow=Flow(looks_ahead=True),
            ),
        ),
        connections=bounds.most,
        linger_ms=40,  # a request for each outcome would cost the broker more than the outcome
    )

    async def transfer(worker: Worker, drive: Drive) -> Transfer:
        store, memory = ObjectStore(settings.store), MemoryBudget(settings.memory)
        lines = Lines.to_store(settings.store.address)
        worker.speed_limit = lambda: lines.limit
        worker.memory = lambda: (memory.total - memory.free, memory.total)
        worker.holders.append(memory.holds)
        copier = Copier(
            drive=worker.tracing.files(drive),
            store=worker.tracing.store(store),
            memory=memory,
            lines=lines,
            drive_calls=worker.calls_to(DRIVE, drive.answers),
            # A bucket that refuses all writes answers health checks, which only list.
            store_calls=worker.calls_to(STORE, store.answers, most_on_checks=3),
            store_looks=worker.calls_to(STORE, store.answers),
        )
        await copier.store_calls.call(store.ready)
        adaptation = Adaptation(worker.limits[SERVICE], bounds, lambda: worker.in_outage)
        return Transfer(copier, worker.publisher, adaptation)

    await run_worker(spec, settings.worker, stop, transfer)


if __name__ == "__main__":
    end(run_service(SERVICE, os.environ, Settings.read, serve))
