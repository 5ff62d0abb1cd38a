"""What surrounds every call to an outside system: retry, inside a circuit breaker.

Waits have full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), so that a fleet
that failed together does not come back together.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from services.core.errors import (
    CoolDown,
    Corrupt,
    Outage,
    RateLimited,
    SetAside,
    Stop,
    TryAgain,
    Verdict,
)
from services.core.flow.circuit_breaker import PATIENCE, CircuitBreaker
from services.core.flow.occupancy import within

T = TypeVar("T")
LONGEST_CHAIN = 10
LONGEST_RETRY_AFTER = 30.0
"""Seconds. Whoever asks us to stay away longer is obeyed by all, not by one request alone."""


@dataclass(frozen=True)
class RetryPolicy:
    """`attempts` in all; waits in seconds. `patience` bounds the time spent being rate limited."""

    attempts: int = 3
    first_wait: float = 0.5
    longest_wait: float = 32.0
    patience: float = 300.0

    def wait(self, attempt: int, asked: float | None = None) -> float:
        """Seconds to wait after the given failed attempt (1-based); `asked` is Retry-After."""
        ceiling = min(self.longest_wait, self.first_wait * 2.0 ** min(attempt - 1, 60))
        return (asked or 0.0) + random.uniform(0, ceiling)


async def retried(
    policy: RetryPolicy, act: Callable[[], Awaitable[T]], *, retry_corrupt: bool = True
) -> T:
    """Call `act()` until it succeeds.

    When the attempts are used up, raises `SetAside` for a corrupt answer, and else `Outage`.
    """
    attempt, limited, waited = 1, 0, 0.0
    while True:
        try:
            return await act()
        except RateLimited as why:
            limited += 1
            pause = policy.wait(limited, why.retry_after)
            waited += pause
            if waited > policy.patience:
                raise _given_up(why) from why
        except TryAgain as why:
            final = isinstance(why, Corrupt) and not retry_corrupt
            if final or attempt >= policy.attempts or _asks_all_to_wait(why):
                raise _given_up(why) from why
            pause = policy.wait(attempt, why.retry_after)
            attempt += 1
        await asyncio.sleep(pause)


def _asks_all_to_wait(why: TryAgain) -> bool:
    return (why.retry_after or 0.0) > LONGEST_RETRY_AFTER


def _given_up(why: TryAgain) -> Verdict:
    if isinstance(why, Corrupt):
        return SetAside(why.reason, why.message).of(why.system)
    if _asks_all_to_wait(why):
        return CoolDown(why.reason, why.message, why.retry_after or 0.0).of(why.system)
    return Outage(why.reason, why.message).of(why.system)


def _let_go(why: BaseException | None) -> None:
    """Free what the calls that failed had in hand: an error holds their frames, and a frame holds
    its error, until garbage is collected. A worker that waits collects none for hours."""
    for _ in range(LONGEST_CHAIN):
        if why is None:
            return
        why.__traceback__ = None  # its frames cannot be cleared: another task may be in one
        why = why.__cause__ or why.__context__


class _Foreign(Exception):
    """Its only argument is a verdict of another system, which passes through untouched."""


@dataclass(frozen=True)
class Resilience:
    """For one outside system. Verdicts that name another system are not its business."""

    system: str
    policy: RetryPolicy
    breaker: CircuitBreaker
    called: Callable[[str, float, str], None] = lambda _system, _seconds, _result: None
    """Hears of each single call: the system, its seconds, `ok` or `error`."""

    async def call(
        self,
        act: Callable[[], Awaitable[T]],
        *,
        patience: float = PATIENCE,
        retry_corrupt: bool = True,
    ) -> T:
        """Wait out whatever is not the item's own fault, for which it raises `SetAside`."""

        async def own() -> T:
            began, result = perf_counter(), "error"
            try:
                value = await act()
                result = "ok"
                return value
            except Verdict as why:
                _let_go(why)
                if isinstance(why, TryAgain | Stop) and why.system not in ("", self.system):
                    raise _Foreign(why) from why
                raise
            finally:
                self.called(self.system, perf_counter() - began, result)

        try:
            with within(self.system, counted=True):
                return await self.breaker.call(
                    lambda: retried(self.policy, own, retry_corrupt=retry_corrupt),
                    patience=patience,
                )
        except _Foreign as foreign:
            why: Verdict = foreign.args[0]
            raise why from why.__cause__
