"""A limit of how many things go on at once."""

import asyncio


class ConcurrencyLimit:
    """Slots for one taker: only one task may wait in `acquire` or `drained` at a time."""

    def __init__(self, limit: int) -> None:
        self.in_use = 0
        self.limit = limit
        self._released = asyncio.Event()

    async def acquire(self) -> None:
        await self._fewer_in_use_than(self.limit)
        self.in_use += 1

    def release(self) -> None:
        self.in_use -= 1
        self._released.set()

    async def drained(self) -> None:
        """Return once no slot is in use."""
        await self._fewer_in_use_than(1)

    async def _fewer_in_use_than(self, slots: int) -> None:
        while self.in_use >= slots:
            self._released.clear()
            await self._released.wait()
