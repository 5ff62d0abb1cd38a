"""A rate limiter for Drive's quota: even, in turns (`turns.py`), never above this worker's share.

Workers do not talk to each other. The quota is split by kind of work, and each kind by partition.
The share is read again at every step, so it follows a rebalance by itself (docs/decisions/0005).
Times are seconds of any monotonic clock.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.core.errors import RateLimited
from services.core.flow.occupancy import QUOTA, within
from services.core.flow.turns import CLAIM, Claim, Turns
from services.core.settings import Reader

USUAL_LIMITS = {"units": 325_000, "queries": 12_000}
"""A minute, per user and project (Drive's guide `limits`). Older projects count queries."""
USUAL_SHARES = {"transfer": 88, "lister": 10, "preview": 2}
SHARE = re.compile(rf"({'|'.join(USUAL_SHARES)})\s*=\s*0*([1-9][0-9]{{0,2}})")
STEP_SECONDS = 0.25
"""How long a change of the share may go unnoticed while requests wait or units are owed."""
TICK_SECONDS = 0.002
"""The shortest timer: requests that fall due within it are let go together."""
MOST_WAITING = 4096
"""Four times the largest TRANSFER_CONCURRENCY."""
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


@dataclass(frozen=True, kw_only=True)
class QuotaSettings:
    """What all workers may spend a minute (0: no limit), and each kind of work's part, 0 to 1."""

    per_minute: int
    shares: Mapping[str, float]
    counts_requests: bool

    @classmethod
    def read(cls, reader: Reader) -> "QuotaSettings":
        model = reader.text("DRIVE_QUOTA_MODEL", "units").lower()
        if model not in USUAL_LIMITS:
            reader.faults.append("DRIVE_QUOTA_MODEL must be units or queries.")
        usual = USUAL_LIMITS.get(model, 0)
        per_minute = reader.number("DRIVE_QUOTA_UNITS_PER_MINUTE", usual, 0, 10**9)
        return cls(
            per_minute=per_minute, shares=_shares(reader), counts_requests=model == "queries"
        )


def _shares(reader: Reader) -> Mapping[str, float]:
    usual = ",".join(f"{kind}={percent}" for kind, percent in USUAL_SHARES.items())
    given = reader.text("DRIVE_QUOTA_SHARES", usual).split(",")
    shares = [found for each in given if (found := SHARE.fullmatch(each.strip()))]
    percents = {share[1]: int(share[2]) for share in shares}
    if not len(given) == len(percents) == len(USUAL_SHARES):
        reader.faults.append(f"DRIVE_QUOTA_SHARES must be whole percentages, such as {usual}.")
    elif sum(percents.values()) > 100:
        reader.faults.append("DRIVE_QUOTA_SHARES must add up to 100 or less.")
    return {kind: percent / 100 for kind, percent in percents.items()}


@dataclass(frozen=True, kw_only=True)
class QuotaState:
    share: float  # of the whole quota, 0 to 1
    limit: int | None  # the same in units a minute, if limited
    allowed: int | None  # what refusals leave of it
    used: int  # units of the last minute
    refused: int
    waiting: int


class TokenBucket:
    """May go into debt, so requests are evenly spaced, and one may cost more than it can hold."""

    def __init__(self, now: float) -> None:
        self._level = 0.0  # units: saved up if positive, owed if negative
        self._rate = float("inf")  # units a second; none was seen yet
        self._at = now

    @property
    def free(self) -> bool:
        return self._rate > 0 and not self.in_debt

    @property
    def in_debt(self) -> bool:
        return self._level < 0

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
            why = "Google Drive no longer limits requests. Back to full speed."
            self._log("quota.recovered", why=why)
        return factor

    def refused(self, now: float) -> None:
        """Slow down, unless that was done within `ONCE_IN_SECONDS`."""
        if self._at is not None and now - self._at < ONCE_IN_SECONDS:
            return
        self._left = max(FLOOR, self.factor(now) * DECREASE)
        begins, self._at = self._at is None, now
        if begins:
            why = (
                "Google Drive is limiting our request rate. Slowing down, then speeding up in "
                "steps."
            )
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


@dataclass(frozen=True)
class _Waiter:
    granted: asyncio.Future[None]
    units: int
    task: asyncio.Task[object] | None
    claim: Claim


class QuotaLimiter:
    """For one kind of work. `part` gives our part of it, 0 to 1; at 0 nothing is spent."""

    def __init__(
        self,
        settings: QuotaSettings,
        kind: str,
        part: Callable[[], float],
        log: Callable[..., None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts_requests = settings.counts_requests
        self._share = settings.shares[kind]
        self._whole = settings.per_minute * self._share / 60
        self._part = part
        self._clock = clock
        self._bucket = TokenBucket(clock())
        self._aimd = AimdRate(log)
        self._spent = SlidingCounter()
        self._refused = 0
        self._waiting: Turns[_Waiter] = Turns()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, units: int) -> None:
        """Return once so many units may be spent. Cancelled, it has spent nothing."""
        cost = 1 if self._counts_requests else units
        now = self._clock()
        if not self._whole:
            self._spent.add(now, cost)
            return
        self._bucket.move(now, self._rate(now))
        if not self._waiting and self._bucket.free:
            self._spend(now, cost)
            self._wake_later(now)
            return
        if len(self._waiting) >= MOST_WAITING:
            raise RateLimited(
                "too_many_waiting", "Too many requests are waiting for Google's quota."
            )
        granted, claim = asyncio.get_running_loop().create_future(), CLAIM.get()
        waiter = _Waiter(granted, cost, asyncio.current_task(), claim)
        self._waiting.put(waiter, claim)
        self._wake_later(now)
        try:
            with within(QUOTA):
                await waiter.granted
        except asyncio.CancelledError:
            self._forget(waiter)
            raise

    def holds(self, task: asyncio.Task[object]) -> bool:
        return any(waiter.task is task for waiter in self._waiting)

    def refused(self) -> None:
        self._refused += 1
        if self._whole:
            self._aimd.refused(self._clock())

    def state(self) -> QuotaState:
        now = self._clock()
        return QuotaState(
            share=round(self._share * self._our_part(), 6),
            limit=round(60 * self._whole * self._our_part()) if self._whole else None,
            allowed=round(60 * self._rate(now)) if self._whole else None,
            used=self._spent.in_last_minute(now),
            refused=self._refused,
            waiting=len(self._waiting),
        )

    def _our_part(self) -> float:
        return min(1.0, max(0.0, self._part()))

    def _rate(self, now: float) -> float:
        return self._whole * self._our_part() * self._aimd.factor(now)

    def _spend(self, now: float, units: int) -> None:
        self._bucket.spend(units)
        self._spent.add(now, units)

    def _forget(self, waiter: _Waiter) -> None:
        """A cancelled waiter leaves; what it was granted in that very moment is given back."""
        if waiter.granted.done() and not waiter.granted.cancelled():
            self._spend(self._clock(), -waiter.units)
        else:
            self._waiting.discard(waiter, waiter.claim)

    def _wake_later(self, now: float) -> None:
        if self._timer is None and (self._waiting or self._bucket.in_debt):
            wait = min(STEP_SECONDS, max(TICK_SECONDS, self._bucket.wait(self._rate(now))))
            self._timer = asyncio.get_running_loop().call_later(wait, self._step)

    def _step(self) -> None:
        self._timer = None
        now = self._clock()
        self._bucket.move(now, self._rate(now))
        while self._waiting and self._bucket.free:
            waiter = self._waiting.take()
            if not waiter.granted.done():
                self._spend(now, waiter.units)
                waiter.granted.set_result(None)
        self._wake_later(now)
