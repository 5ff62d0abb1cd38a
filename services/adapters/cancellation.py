"""Cancellations that pyreqwest swallows.

One that comes together with a result is lost (0.15.1: 172 of 3,000 on a busy event loop). Work that
was paused, or whose partition is gone, would go on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def not_swallowed(
    call: Awaitable[T], undo: Callable[[], Awaitable[object]] | None = None
) -> T:
    """The result. If this task was cancelled meanwhile, the result is undone."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    result = await call
    if task and task.cancelling() > before:
        if undo is not None:
            await undo()
        raise asyncio.CancelledError
    return result
