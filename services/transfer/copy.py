"""One file being copied, and what was tried for it."""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from services.core.errors import RateLimited, Verdict
from services.core.events import Attempt, FileFound
from services.core.flow.resilience import Resilience
from services.core.ports import Received

T = TypeVar("T")
MOST_TRIES = 20
"""That an outcome names. An outage may cost thousands."""


@dataclass(kw_only=True)
class Copy:
    """`is_current`: Drive confirmed that this is the file's newest version.

    `tries` are the newest calls. `attempts` counts the first, and every one that follows a failure;
    being rate limited is no failure.
    """

    file: FileFound
    received: Received
    is_current: bool = False
    attempts: int = 1
    tries: deque[Attempt] = field(default_factory=lambda: deque(maxlen=MOST_TRIES))
    since: float = field(default_factory=time.monotonic)
    _failed: bool = False

    async def call(self, calls: Resilience, act: Callable[[], Awaitable[T]]) -> T:
        async def tried() -> T:
            self.attempts += self._failed
            self._failed = False
            at, since = datetime.now(UTC), time.monotonic()
            try:
                value = await act()
            except Verdict as why:
                self._failed = not isinstance(why, RateLimited)
                self._remember(why.system or calls.system, at, since, why.reason)
                raise
            self._remember(calls.system, at, since, "ok")
            return value

        return await calls.call(tried, retry_corrupt=self.is_current)

    def _remember(self, system: str, at: datetime, since: float, answer: str) -> None:
        seconds = round(time.monotonic() - since, 3)
        self.tries.append(Attempt(system=system, at=at, seconds=seconds, answer=answer))
