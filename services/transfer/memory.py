"""Memory as a budget in bytes: who asks first is served first, whatever the sizes."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """A semaphore counted in bytes.

    First in, first out, so that a big file is not passed for ever by small ones. What is larger
    than the whole budget takes all of it, and so waits for an empty house, not for ever.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self._free

    @asynccontextmanager
    async def take(self, asked: int) -> AsyncIterator[None]:
        """Hold so many bytes for as long as the block lasts."""
        granted = min(asked, self._total)
        await self._acquire(granted)
        try:
            yield
        finally:
            self._release(granted)

    async def _acquire(self, amount: int) -> None:
        if not self._waiting and amount <= self._free:
            self._free -= amount
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._release(amount)  # it was granted in the very moment of the cancellation
            self._serve()  # it may have been all that stood in the way of the next
            raise

    def _release(self, amount: int) -> None:
        self._free += amount
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            amount, turn = self._waiting[0]
            if not turn.cancelled():
                if amount > self._free:
                    return
                self._free -= amount
                turn.set_result(None)
            self._waiting.popleft()
