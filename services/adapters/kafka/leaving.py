"""The end of a consumer: how it leaves its group, and how long anybody waits for that."""

import asyncio
import time
from typing import Any

import structlog

from services.adapters.kafka.handles import Consumer

LEAVE_SECONDS = 3.0
"""To commit and to leave the group, once all work has ended. A broker that hangs answers neither,
and gives the partitions away by itself."""
CALLED_BACK_SECONDS = 0.02
log = structlog.get_logger("kafka")


def leave(consumer: Consumer) -> None:
    """Leave the group, then close the handle. A handle that does not get away stays open.

    Where `close` calls back, as it does in the middle of a rebalance, librdkafka may wait for ever,
    and all of Python with it (its issues 4041 and 4884; seen with 2.16). So what is still to be
    called back is called back before.
    """
    until = time.monotonic() + LEAVE_SECONDS
    consumer.unsubscribe()
    consumer.consume(100, CALLED_BACK_SECONDS)
    while consumer.assignment():
        if time.monotonic() > until:
            return
        consumer.consume(100, CALLED_BACK_SECONDS)
    consumer.close()


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
