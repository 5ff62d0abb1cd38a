"""A limit on memory: a semaphore that counts bytes."""

import asyncio
from typing import Self

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

    def holding(self, amount: int) -> "Held":
        return Held(self, min(amount, self.total))

    async def take(self, amount: int) -> None:
        if not self._waiting and amount <= self.free:
            self.free -= amount
            return
        task = asyncio.current_task()
        self._waiting.add(task)
        try:
            with within(MEMORY):
                async with self._queue:
                    while amount > self.free:
                        self._released.clear()
                        await self._released.wait()
                    self.free -= amount
        finally:
            self._waiting.discard(task)

    def give_back(self, amount: int) -> None:
        self.free += amount
        self._released.set()


class Held:
    """Bytes for a block. A class, because a generator would cost several times as much."""

    __slots__ = ("_amount", "_budget")

    def __init__(self, budget: MemoryBudget, amount: int) -> None:
        self._budget, self._amount = budget, amount

    async def __aenter__(self) -> Self:
        await self._budget.take(self._amount)
        return self

    def keep(self, amount: int) -> None:
        """Give back what is beyond this."""
        beyond = max(0, self._amount - amount)
        self._amount -= beyond
        self._budget.give_back(beyond)

    async def __aexit__(self, *_why: object) -> None:
        self._budget.give_back(self._amount)
