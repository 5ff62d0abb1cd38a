"""Each step is tried until its server answers; all steps run side by side."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.adapters.catalog.errors import CatalogUnavailableError
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.store.bucket import StoreUnavailableError

UNAVAILABLE = (KafkaUnavailableError, StoreUnavailableError, CatalogUnavailableError)


@dataclass(frozen=True)
class Step:
    """One server's set-up: `act` makes what is missing and says what it did."""

    server: str
    address: str
    act: Callable[[], str]


async def set_up(steps: Sequence[Step], *, say: Callable[[str], None], wait: float = 3.0) -> None:
    """Return when every step is done. Waits without end for a server that is not there yet, and
    says so; what a server refuses is raised at once."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(_until_done(step, say, wait))
    except ExceptionGroup as several:
        raise several.exceptions[0] from several


async def _until_done(step: Step, say: Callable[[str], None], wait: float) -> None:
    while True:
        try:
            say(f"{step.server}: {await asyncio.to_thread(step.act)}")
            return
        except UNAVAILABLE as why:
            say(f"Waiting for {step.server} at {step.address}: {why}")
            await asyncio.sleep(wait)
