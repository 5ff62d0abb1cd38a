"""Memory as a semaphore counted in bytes: first come, first served, whatever the sizes."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(eq=False)
class _Waiter:
    amount: int
    granted: asyncio.Future[None]
    task: asyncio.Task[object] | None


class MemoryBudget:
    """Bytes that all transfers of a process may hold together.

    First in, first out, so that small files do not pass a big one for ever. What is larger than the
    whole budget takes all of it, and so waits until nothing else is in hand, not for ever.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._waiting: deque[_Waiter] = deque()

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self._free

    def holds(self, task: asyncio.Task[object]) -> bool:
        """Whether this task waits here."""
        return any(waiter.task is task for waiter in self._waiting)

    @asynccontextmanager
    async def holding(self, amount: int) -> AsyncIterator[None]:
        """Hold so many bytes for the block."""
        granted = min(amount, self._total)
        await self._acquire(granted)
        try:
            yield
        finally:
            self._release(granted)

    async def _acquire(self, amount: int) -> None:
        if not self._waiting and amount <= self._free:
            self._free -= amount
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiter(amount, future, asyncio.current_task()))
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():
                self._free += amount  # it was granted in the very moment of the cancellation
            self._grant()  # it may have been all that stood in the way of the next
            raise

    def _release(self, amount: int) -> None:
        self._free += amount
        self._grant()

    def _grant(self) -> None:
        while self._waiting:
            waiter = self._waiting[0]
            if not waiter.granted.cancelled():
                if waiter.amount > self._free:
                    return
                self._free -= waiter.amount
                waiter.granted.set_result(None)
            self._waiting.popleft()
