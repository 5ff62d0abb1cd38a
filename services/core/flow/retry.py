"""How long to wait between attempts, and how often to try.

Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): a random wait between zero
and the capped exponential, so that a fleet that failed together does not come back together.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from services.core.errors import RateLimited, SetAside, TryAgain

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class RetryPolicy:
    """`attempts` in all; waits in seconds. `patience` bounds the time spent being rate limited."""

    attempts: int = 3
    first_wait: float = 0.5
    longest_wait: float = 32.0
    patience: float = 3600.0

    def wait(self, attempt: int, asked: float | None = None) -> float:
        """Seconds to wait after the given failed attempt (1-based); `asked` is Retry-After."""
        ceiling = min(self.longest_wait, self.first_wait * 2.0 ** min(attempt - 1, 60))
        jitter = random.uniform(0, ceiling)
        return jitter if asked is None else asked + jitter


async def attempted(
    policy: RetryPolicy, sleep: Sleep, act: Callable[[int], Awaitable[T]]
) -> tuple[T, int]:
    """Call `act(attempt)` until it succeeds; return its value and the attempts used.

    Raises `SetAside` when the attempts are used up, with the reason of the last failure. A wait
    for a rate limit is not an attempt, but ends too: after `patience` seconds of it.
    """
    attempt, limited, waited = 1, 0, 0.0
    while True:
        try:
            return await act(attempt), attempt
        except RateLimited as why:
            limited += 1
            pause = policy.wait(limited, why.retry_after)
            waited += pause
            if waited > policy.patience:
                raise SetAside(why.reason, why.message) from why
        except TryAgain as why:
            pause = policy.wait(attempt, why.retry_after)
            if attempt >= policy.attempts:
                raise SetAside(why.reason, why.message) from why
            attempt += 1
        await sleep(pause)
