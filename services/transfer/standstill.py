"""When nothing can work: wait loudly, try again, lose nothing.

One file at a time tries, the others wait behind it; the first success lets all of them go on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from services.core.errors import Stop

T = TypeVar("T")
FIRST_WAIT = 2.0
LONGEST_WAIT = 30.0
log = structlog.get_logger("transfer")


class Standstill:
    """What the process waits for, if for anything. Waits in seconds, doubling up to the longest."""

    def __init__(self, first_wait: float = FIRST_WAIT, longest_wait: float = LONGEST_WAIT) -> None:
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._wait = first_wait
        self._works = asyncio.Event()
        self._turn = asyncio.Lock()
        self.waiting_for: str | None = None

    async def outlast(
        self, act: Callable[[], Awaitable[T]], *, alive: Callable[[], bool] = lambda: True
    ) -> T | None:
        """The value of `act()`, called until it raises no `Stop`; None once nobody waits for it."""
        while alive():
            try:
                value = await act()
            except Stop as why:
                await self._pause(why)
            else:
                self._works.set()
                self._wait = self._first_wait
                self.waiting_for = None
                return value
        return None

    async def passed(self, check: Callable[[], Awaitable[None]]) -> None:
        """Return once `check()` raises no `Stop`."""
        await self.outlast(check)

    async def _pause(self, why: Stop) -> None:
        self._works.clear()
        self.waiting_for = why.message
        async with self._turn:
            if self._works.is_set():
                return
            log.error("transfer.waiting", reason=why.reason, why=why.message, seconds=self._wait)
            try:
                async with asyncio.timeout(self._wait):
                    await self._works.wait()
            except TimeoutError:
                self._wait = min(self._longest_wait, self._wait * 2)
