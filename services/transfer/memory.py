"""A limit on memory: a semaphore that counts bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.core.flow.occupancy import MEMORY, within


class MemoryBudget:
    """Bytes that all copies of a process may hold together; `free` are left. First in, first out,
    so small files cannot starve a big one. A file larger than the budget takes all of it."""

    def __init__(self, total: int) -> None:
        self.free = total
        self.total = total
        self._queue = asyncio.Lock()  # its holder is next, and waits for enough free bytes
        self._released = asyncio.Event()
        self._waiting: set[asyncio.Task[object] | None] = set()

    def holds(self, task: asyncio.Task[object]) -> bool:
        return task in self._waiting

    @asynccontextmanager
    async def holding(self, amount: int) -> AsyncIterator[None]:
        granted, task = min(amount, self.total), asyncio.current_task()
        self._waiting.add(task)
        try:
            with within(MEMORY):
                async with self._queue:
                    while granted > self.free:
                        self._released.clear()
                        await self._released.wait()
                    self.free -= granted
        finally:
            self._waiting.discard(task)
        try:
            yield
        finally:
            self.free += granted
            self._released.set()
