"""The end of a consumer's thread, which may wait for a broker that hangs."""

import asyncio
from typing import Any

import structlog

LEAVE_SECONDS = 3.0
"""To commit and to leave the group, once all work has ended. A broker that hangs answers neither,
and gives the partitions away by itself."""
log = structlog.get_logger("kafka")


async def left(consuming: asyncio.Future[None], released: asyncio.Event, topic: str) -> None:
    """Return once the thread has ended, or does not get away after all work was released. Raises
    what ended it."""
    waiting: asyncio.Future[Any] = asyncio.ensure_future(released.wait())
    either: set[asyncio.Future[Any]] = {consuming, waiting}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    await asyncio.wait({consuming}, timeout=LEAVE_SECONDS)
    if consuming.done():
        consuming.result()
    else:
        log.warning("kafka.not_left", topic=topic, seconds=LEAVE_SECONDS)
