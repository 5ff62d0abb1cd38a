"""One file being copied, and what was tried for it."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self, TypeVar

from services.core.errors import RateLimited, Verdict
from services.core.events import Attempt, FileFound
from services.core.flow.line import Line, Passage
from services.core.flow.resilience import Resilience
from services.core.ports import Received

T = TypeVar("T")
NO_MORE = nullcontext()
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
            with _Try(self, calls.system):
                return await act()

        return await calls.call(once, retry_corrupt=self.is_current)

    async def send(
        self,
        calls: Resilience,
        line: Line,
        size: int,
        act: Callable[[Passage], Awaitable[T]],
        memory: AbstractAsyncContextManager[object] = NO_MORE,
    ) -> T:
        """As `call`, over a line, with `size` bytes in flight. Each try holds `memory`, which so is
        free while the system is waited for."""

        async def once() -> T:
            with _Try(self, calls.system) as one:
                async with memory, line.carrying(size) as passage:
                    one.begin()  # the wait for a turn is no part of the try
                    return await act(passage)

        return await calls.call(once, retry_corrupt=self.is_current)

    def begin_try(self) -> None:
        self.attempts += self._failed
        self._failed = False

    def end_try(self, one: Attempt, why: BaseException | None) -> None:
        self._failed = isinstance(why, Verdict) and not isinstance(why, RateLimited)
        self.tries.append(one)


class _Try:
    """One call. A class, because a generator would cost several times as much."""

    __slots__ = ("_at", "_clock", "_copy", "_since", "_system")

    def __init__(self, copy: Copy, system: str) -> None:
        self._copy = copy
        self._system = system
        self._clock = asyncio.get_running_loop().time

    def __enter__(self) -> Self:
        self._copy.begin_try()
        self.begin()
        return self

    def begin(self) -> None:
        self._at, self._since = datetime.now(UTC), self._clock()

    def __exit__(self, _kind: object, why: BaseException | None, _trace: object) -> None:
        system, answer = self._system, "ok"
        if isinstance(why, Verdict):
            system, answer = why.system or system, why.reason
        seconds = round(self._clock() - self._since, 3)
        self._copy.end_try(Attempt(system=system, at=self._at, seconds=seconds, answer=answer), why)
