"""Many items at once, never more than a number of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def in_parallel(
    items: AsyncIterator[T], handle: Callable[[T], Awaitable[None]], *, at_once: int
) -> None:
    """Call `handle` for each item as it comes, `at_once` together; the next is taken when one ends.

    Returns when the items end and all are handled. If one handler raises, the others are cancelled
    and the error goes up: the process dies, and Kafka delivers again what was not done.
    """
    slots = asyncio.Semaphore(at_once)

    async def one(item: T) -> None:
        try:
            await handle(item)
        finally:
            slots.release()

    async with asyncio.TaskGroup() as tasks:
        await slots.acquire()
        async for item in items:
            tasks.create_task(one(item))
            await slots.acquire()
