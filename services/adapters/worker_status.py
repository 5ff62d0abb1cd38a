"""What a process says of itself on `workers.status`: every few seconds, on a change, at its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.core.events import Waiting, WorkerStatus
from services.core.ports import PublishesEvents

EVERY_SECONDS = 10.0
LOOK_SECONDS = 1.0
LAST_STATUS_SECONDS = 2.0
log = structlog.get_logger("status")


async def publish_status(publisher: PublishesEvents, look: Callable[[], WorkerStatus]) -> None:
    """Publish what `look()` gives until cancelled, then once more as `stopped`.

    A change of state or of the reason to wait is published within `LOOK_SECONDS`. A status that
    Kafka does not take is dropped: the next one replaces it, and no worker ends for it. The last
    one is best effort, so that an absent broker does not hold up the exit.
    """
    told: tuple[str, Waiting | None] | None = None
    since = 0.0
    try:
        while True:
            status = look()
            if since >= EVERY_SECONDS or told != (status.state, status.waiting_for):
                told, since = (status.state, status.waiting_for), 0.0
                try:
                    await publisher.publish([status])
                except KafkaUnavailableError as why:
                    log.warning("status.not_published", why=str(why))
            await asyncio.sleep(LOOK_SECONDS)
            since += LOOK_SECONDS
    finally:
        with suppress(Exception):
            async with asyncio.timeout(LAST_STATUS_SECONDS):
                await publisher.publish([replace(look(), state="stopped", waiting_for=None)])
