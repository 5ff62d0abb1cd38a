"""A limit of how many things go on at once, which can change while they do."""

import asyncio
from contextvars import ContextVar

from services.core.flow.occupancy import step_out

MOST_LINGERING = 128
"""Of one limit. Outcomes that nobody acknowledged are found out again after a crash."""


class ConcurrencyLimit:
    """Slots for one taker: only one task may wait in `acquire` or `drained` at a time."""

    def __init__(self, limit: int) -> None:
        self.in_use = self.lingering = 0
        self.limit = limit
        self._changed = asyncio.Event()

    def resize(self, limit: int) -> None:
        """Change the number of slots. What is in use above it is not taken back."""
        self.limit = max(1, limit)
        self._changed.set()

    async def acquire(self) -> "Slot":
        while self.in_use >= self.limit:
            await self._change()
        self.in_use += 1
        return Slot(self)

    def count(self, *, in_use: int, lingering: int = 0) -> None:
        """So many more, or fewer. For its slots."""
        self.in_use += in_use
        self.lingering += lingering
        self._changed.set()

    async def drained(self) -> None:
        """Return once no slot is in use, and nothing lingers."""
        while self.in_use or self.lingering:
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class Slot:
    """Held until `release`, or by somebody else once the work lingers: it is done, but for an
    acknowledgement."""

    __slots__ = ("_limit", "_lingers")

    def __init__(self, limit: ConcurrencyLimit) -> None:
        self._limit = limit
        self._lingers = False

    def linger(self) -> bool:
        """Give the slot back before the work ends, unless too much lingers already."""
        if not self._lingers and self._limit.lingering < MOST_LINGERING:
            self._lingers = True
            self._limit.count(in_use=-1, lingering=1)
        return self._lingers

    def release(self) -> None:
        """The work has ended."""
        if self._lingers:
            self._limit.count(in_use=0, lingering=-1)
        else:
            self._limit.count(in_use=-1)


SLOT: ContextVar[Slot | None] = ContextVar("slot", default=None)
"""The running task's."""


def give_back() -> None:
    """The running task only waits for an acknowledgement from now on, so another may start."""
    slot = SLOT.get()
    if slot is not None and slot.linger():
        step_out()
