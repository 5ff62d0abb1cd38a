"""A limit of how many things go on at once, which can change while they do."""

import asyncio


class ConcurrencyLimit:
    """Slots for one taker: only one task may wait in `acquire` or `drained` at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_use = 0
        self._changed = asyncio.Event()

    @property
    def limit(self) -> int:
        """How many slots there are."""
        return self._limit

    @property
    def in_use(self) -> int:
        """How many slots are taken; above `limit` for a while after it shrank."""
        return self._in_use

    def resize(self, limit: int) -> None:
        """Change the number of slots. What is in use above it is not taken back."""
        self._limit = max(1, limit)
        self._changed.set()

    async def acquire(self) -> None:
        """Return once a slot is taken."""
        while self._in_use >= self._limit:
            self._changed.clear()
            await self._changed.wait()
        self._in_use += 1

    def release(self) -> None:
        """Give a slot back."""
        self._in_use -= 1
        self._changed.set()

    async def drained(self) -> None:
        """Return once no slot is in use."""
        while self._in_use:
            self._changed.clear()
            await self._changed.wait()
