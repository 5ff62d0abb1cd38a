"""A limit of how many things go on at once, which can change while they do."""

import asyncio


class ConcurrencyLimit:
    """Slots for one taker: only one task may wait in `acquire` or `drained` at a time."""

    def __init__(self, limit: int) -> None:
        self.in_use = 0
        self.limit = limit
        self._changed = asyncio.Event()

    def resize(self, limit: int) -> None:
        """Change the number of slots. What is in use above it is not taken back."""
        self.limit = max(1, limit)
        self._changed.set()

    async def acquire(self) -> None:
        while self.in_use >= self.limit:
            await self._change()
        self.in_use += 1

    def release(self) -> None:
        self.in_use -= 1
        self._changed.set()

    async def drained(self) -> None:
        """Return once no slot is in use."""
        while self.in_use:
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
