"""One file being copied, and what was tried for it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from services.core.errors import RateLimited, Verdict
from services.core.events import Attempt, FileFound
from services.core.flow.line import Line, Passage
from services.core.flow.resilience import Resilience
from services.core.ports import Received

T = TypeVar("T")
MOST_TRIES = 20
"""That an outcome names. An outage may cost thousands."""


@dataclass(kw_only=True)
class Copy:
    """`is_current`: Drive confirmed that this is the file's newest version.
    `reported`: we stored it for the same import, and said so.

    `tries` are the newest calls. `attempts` counts the first, and every one that follows a failure;
    being rate limited is no failure.
    """

    file: FileFound
    received: Received
    is_current: bool = False
    reported: bool = False
    attempts: int = 1
    tries: deque[Attempt] = field(default_factory=lambda: deque(maxlen=MOST_TRIES))
    since: float = field(default_factory=time.monotonic)
    _failed: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether a call failed or was rate limited, and so was made again."""
        return any(tried.answer != "ok" for tried in self.tries)

    @property
    def systems(self) -> frozenset[str]:
        """Those that were called."""
        return frozenset(tried.system for tried in self.tries)

    async def call(self, calls: Resilience, act: Callable[[], Awaitable[T]]) -> T:
        async def once() -> T:
            async with self._try(calls.system):
                return await act()

        return await calls.call(once, retry_corrupt=self.is_current)

    async def send(
        self, calls: Resilience, line: Line, size: int, act: Callable[[Passage], Awaitable[T]]
    ) -> T:
        """As `call`, over a line, with `size` bytes in flight."""

        async def once() -> T:
            async with self._try(calls.system) as begin, line.carrying(size) as passage:
                begin()  # the wait for a turn is no part of the try
                return await act(passage)

        return await calls.call(once, retry_corrupt=self.is_current)

    @asynccontextmanager
    async def _try(self, system: str) -> AsyncIterator[Callable[[], None]]:
        self.attempts += self._failed
        self._failed = False
        clock, answer = asyncio.get_running_loop().time, "ok"
        at, since = datetime.now(UTC), clock()

        def begin() -> None:
            nonlocal at, since
            at, since = datetime.now(UTC), clock()

        try:
            yield begin
        except Verdict as why:
            self._failed = not isinstance(why, RateLimited)
            system, answer = why.system or system, why.reason
            raise
        finally:
            seconds = round(clock() - since, 3)
            self.tries.append(Attempt(system=system, at=at, seconds=seconds, answer=answer))
