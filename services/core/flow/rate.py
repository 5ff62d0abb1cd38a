"""The arithmetic of a rate limiter: a token bucket, an AIMD rate and a sliding counter. Pure.

Times are seconds of any monotonic clock.
"""

from collections.abc import Callable

BURST_SECONDS = 0.25
"""The bucket's size, as time at the present rate: a busy event loop's timer is late by less."""
DECREASE = 0.7
"""What a refusal leaves of the rate."""
ONCE_IN_SECONDS = 5.0
"""Requests in flight are refused together; together they count as one refusal."""
RECOVERY_A_SECOND = 0.01
"""Part of the whole share: from the floor to all of it in 95 s."""
FLOOR = 0.05
"""Requests must go on at some rate, or nobody would learn that Google allows more again."""
MINUTE = 60


class TokenBucket:
    """A bucket that may go into debt: whoever finds it not empty takes what the request costs.

    So requests are evenly spaced whatever they cost, and one may cost more than the bucket holds.
    """

    def __init__(self, now: float) -> None:
        self._level = 0.0  # units: saved up if positive, owed if negative
        self._rate = float("inf")  # units a second; none was seen yet
        self._at = now

    @property
    def free(self) -> bool:
        return self._rate > 0 and self._level >= 0

    def move(self, now: float, rate: float) -> None:
        """Fill the bucket until `now`, at the lower of the last two rates in units a second."""
        earned = min(rate, self._rate) * max(0.0, now - self._at)
        self._level = min(self._level + earned, max(rate * BURST_SECONDS, 0.0))
        self._rate, self._at = rate, max(now, self._at)

    def spend(self, units: float) -> None:
        self._level -= units

    def wait(self, rate: float) -> float:
        """Seconds from the last move until a request may be sent; infinity without a rate."""
        return max(0.0, -self._level) / rate if rate > 0 else float("inf")


class AimdRate:
    """Additive increase, multiplicative decrease of the part of a share that is used."""

    def __init__(self, log: Callable[..., None]) -> None:
        self._log = log
        self._left = 1.0  # of the share, at the time of the last decrease
        self._at: float | None = None

    def factor(self, now: float) -> float:
        """The part of the share to use: `FLOOR` to 1."""
        if self._at is None:
            return 1.0
        factor = min(1.0, self._left + RECOVERY_A_SECOND * (now - self._at))
        if factor == 1.0:
            self._at = None
            why = "Google Drive refuses nothing any more: the whole share is used again."
            self._log("quota.recovered", why=why)
        return factor

    def refused(self, now: float) -> None:
        """Slow down, unless that was done within `ONCE_IN_SECONDS`."""
        if self._at is not None and now - self._at < ONCE_IN_SECONDS:
            return
        self._left = max(FLOOR, self.factor(now) * DECREASE)
        begins, self._at = self._at is None, now
        if begins:
            why = "Google Drive asks for fewer requests: slowing down, then speeding up in steps."
            self._log("quota.refused", why=why, share_used=round(self._left, 2))


class SlidingCounter:
    """Units of the last minute, in one slot per second: memory does not grow with requests."""

    def __init__(self) -> None:
        self._slots = [0] * MINUTE
        self._second = 0

    def add(self, now: float, units: int) -> None:
        self._advance_to(int(now))
        self._slots[self._second % MINUTE] += units

    def in_last_minute(self, now: float) -> int:
        self._advance_to(int(now))
        return max(0, sum(self._slots))

    def _advance_to(self, second: int) -> None:
        for passed in range(self._second + 1, min(second, self._second + MINUTE) + 1):
            self._slots[passed % MINUTE] = 0
        self._second = max(second, self._second)
