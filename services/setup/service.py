"""Provision every server, all at the same time, and wait for those that do not answer yet."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.adapters.catalog.errors import CatalogUnavailableError
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.store.bucket import StoreUnavailableError

UNAVAILABLE = (KafkaUnavailableError, StoreUnavailableError, CatalogUnavailableError)


@dataclass(frozen=True)
class Provisioner:
    """What one server needs: `provision` makes what is missing, and says what it did."""

    server: str
    address: str
    provision: Callable[[], str]


async def set_up(
    provisioners: Sequence[Provisioner], *, say: Callable[[str], None], wait: float = 3.0
) -> None:
    """Return when all servers are provisioned.

    A server that does not answer is waited for without end. What a server refuses is raised at
    once.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for provisioner in provisioners:
                group.create_task(_until_done(provisioner, say, wait))
    except ExceptionGroup as several:
        raise several.exceptions[0] from several


async def _until_done(provisioner: Provisioner, say: Callable[[str], None], wait: float) -> None:
    while True:
        try:
            say(f"{provisioner.server}: {await asyncio.to_thread(provisioner.provision)}")
            return
        except UNAVAILABLE as why:
            say(f"Waiting for {provisioner.server} at {provisioner.address}: {why}")
            await asyncio.sleep(wait)
