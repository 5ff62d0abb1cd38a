"""What a process says of itself on `workers.status`: every few seconds, on a change, at its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.core.events import WorkerStatus
from services.core.ports import PublishesEvents

EVERY_SECONDS = 10.0
LOOK_SECONDS = 1.0
LAST_STATUS_SECONDS = 2.0
log = structlog.get_logger("status")


async def publish_status(
    publisher: PublishesEvents,
    look: Callable[[], WorkerStatus],
    *,
    every: float = EVERY_SECONDS,
    look_every: float = LOOK_SECONDS,
) -> None:
    """Publish what `look()` gives until cancelled, then once more as `stopped`.

    A change of state or of the reason to wait is published within `look_every` seconds. A status
    that Kafka does not take is dropped: the next one replaces it, and no worker ends for it. The
    last one is best effort, so that an absent broker does not hold up the exit.
    """
    published: WorkerStatus | None = None
    since = 0.0
    try:
        while True:
            status = look()
            if published is None or since >= every or _changed(published, status):
                await _publish(publisher, status)
                published, since = status, 0.0
            await asyncio.sleep(min(look_every, every))
            since += min(look_every, every)
    finally:
        with suppress(Exception):
            async with asyncio.timeout(LAST_STATUS_SECONDS):
                await publisher.publish([replace(look(), state="stopped", waiting_for=None)])


def _changed(before: WorkerStatus, now: WorkerStatus) -> bool:
    return (before.state, before.waiting_for) != (now.state, now.waiting_for)


async def _publish(publisher: PublishesEvents, status: WorkerStatus) -> None:
    try:
        await publisher.publish([status])
    except KafkaUnavailableError as why:
        log.warning("status.not_published", why=str(why))
