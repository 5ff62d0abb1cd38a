"""A value that is expensive to ask for, shared by all who want it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

FRESH_SECONDS, WAIT_SECONDS = 2.0, 1.5
T = TypeVar("T")
log = structlog.get_logger()


@dataclass(eq=False)
class Lately(Generic[T]):
    """`ask` is called at most once at a time, and not again while its answer is fresh. Nobody waits
    long for it: whoever comes while it takes longer gets the answer before."""

    ask: Callable[[], Awaitable[T]]
    value: T
    clock: Callable[[], float] = time.monotonic
    _answered_at: float = float("-inf")
    _began_at: float = 0.0
    _asking: asyncio.Task[None] | None = None

    async def newest(self) -> tuple[T, float]:
        """The value, and for how many seconds a newer one is overdue."""
        if self.clock() - self._answered_at < FRESH_SECONDS:
            return self.value, 0.0
        if self._asking is None:
            self._began_at = self.clock()
            self._asking = asyncio.create_task(self._ask())
        left = WAIT_SECONDS - (self.clock() - self._began_at)
        done, _ = await asyncio.wait({self._asking}, timeout=max(0.0, left))
        return self.value, 0.0 if done else self.clock() - self._began_at

    def stop(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self) -> None:
        try:
            self.value = await self.ask()
        except Exception:
            log.exception("lately.failed")
        finally:
            self._answered_at, self._asking = self.clock(), None
