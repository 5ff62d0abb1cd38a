"""When nothing can work: wait loudly, try again, lose nothing.

One file at a time tries, the others wait behind it; the first success lets all of them go on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import structlog

from services.core.errors import SetAside, Stop

T = TypeVar("T")
FIRST_WAIT = 2.0
LONGEST_WAIT = 30.0
ALONE_AT_MOST = 5
"""Stops in a row of one file, others succeeding between any two: about a minute with the waits."""
STEP = 0.25
log = structlog.get_logger("transfer")


class Standstill:
    """What the process waits for, if for anything. Waits in seconds, doubling up to the longest."""

    def __init__(self, first_wait: float = FIRST_WAIT, longest_wait: float = LONGEST_WAIT) -> None:
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._wait = first_wait
        self._works = asyncio.Event()
        self._successes = 0
        self._turn = asyncio.Lock()
        self.waiting_for: str | None = None

    async def outlast(
        self, act: Callable[[], Awaitable[T]], *, alive: Callable[[], bool] = lambda: True
    ) -> T | None:
        """The value of `act()`, called until it raises no `Stop`; None once nobody waits for it.

        Raises `SetAside` for what is stopped again and again while others succeed in between: then
        it is the file that cannot work, and not everything.
        """
        alone, seen = 0, self._successes
        while alive():
            try:
                value = await act()
            except Stop as why:
                alone = alone + 1 if self._successes > seen else 0
                seen = self._successes
                if alone >= ALONE_AT_MOST:
                    raise SetAside(why.reason, why.message) from why
                if alone:
                    await asyncio.sleep(min(self._longest_wait, self._first_wait * 2**alone))
                else:
                    await self._pause(why, alive)
            else:
                self._successes += 1
                self._works.set()
                self._wait = self._first_wait
                self.waiting_for = None
                return value
        return None

    async def passed(self, check: Callable[[], Awaitable[None]]) -> None:
        """Return once `check()` raises no `Stop`."""
        await self.outlast(check)

    async def _pause(self, why: Stop, alive: Callable[[], bool]) -> None:
        self._works.clear()
        self.waiting_for = why.message
        async with self._turn:
            if self._works.is_set() or not alive():
                return
            log.error("transfer.waiting", reason=why.reason, why=why.message, seconds=self._wait)
            until = time.monotonic() + self._wait
            self._wait = min(self._longest_wait, self._wait * 2)
            # In small steps: who is asked to leave must not sleep through the drain.
            while alive() and not self._works.is_set() and (left := until - time.monotonic()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, STEP)):
                        await self._works.wait()
