"""Spending Drive's quota: evenly, in the order of asking, and never more than this worker's share.

No worker talks to another. The whole is split by kind of work, and each kind by partition: a
worker may spend what its partitions are of all, and a partition has one owner at a time. Asked anew
at every step, the share follows a rebalance by itself (docs/decisions/0005).
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from services.core.errors import RateLimited
from services.core.flow.quota_settings import QuotaModel, QuotaSettings
from services.core.flow.rate import Pace, Restraint, Spent
from services.core.ports import Received

STEP_SECONDS = 0.25
"""How long a change of the share, or a partition that goes, may pass unnoticed by who waits."""
TICK_SECONDS = 0.002
"""Timers are not asked for shorter waits: what falls due meanwhile is let go together."""
MOST_WAITING = 4096
"""Four times the files that one worker may have in flight (TRANSFER_CONCURRENCY)."""

_wanted: ContextVar[Callable[[], bool] | None] = ContextVar("wanted", default=None)


class Says(Protocol):
    """A logger's method: an event, and what is to be known of it."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Say it."""
        ...


@dataclass(frozen=True, kw_only=True)
class QuotaState:
    """Units a minute: our share (None: no limit), what refusals leave of it, and what was spent.

    `share` is the part of the whole quota; `refused` counts since the start, `waiting` now.
    """

    share: float
    limit: int | None
    allowed: int | None
    used: int
    refused: int
    waiting: int


@dataclass(frozen=True)
class _Waiter:
    granted: asyncio.Future[None]
    units: int
    wanted: Callable[[], bool] | None


class Limiter:
    """`SpendsQuota` of one worker, for one kind of work.

    `part` says, whenever it is asked, which part of that kind's work is ours: 0 to 1. Without any
    nothing is spent. Whoever waits is one caller with one message in hand, so the queue is as long
    as the caller lets it be, and `MOST_WAITING` at most.
    """

    def __init__(
        self,
        settings: QuotaSettings,
        kind: str,
        part: Callable[[], float],
        say: Says,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queries = settings.model is QuotaModel.QUERIES
        self._share = settings.shares[kind]
        self._whole = settings.per_minute * self._share / 60
        self._part = part
        self._clock = clock
        self._pace = Pace(clock())
        self._restraint = Restraint(say)
        self._spent = Spent()
        self._refused = 0
        self._waiting: deque[_Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._looked_at = clock()

    async def take(self, units: int) -> None:
        """Return once so many units may be spent. Cancelled, it has spent nothing."""
        cost = 1 if self._queries else units
        now = self._clock()
        if not self._whole:
            self._spent.add(now, cost)
            return
        if not self._waiting and self._may_spend(now):
            self._spend(now, cost)
            return
        if len(self._waiting) >= MOST_WAITING:
            raise RateLimited("too_many_waiting", "Too many requests wait for Google's quota.")
        waiter = _Waiter(asyncio.get_running_loop().create_future(), cost, _wanted.get())
        self._waiting.append(waiter)
        self._wake_later(now)
        try:
            await waiter.granted
        except asyncio.CancelledError:
            self._forget(waiter)
            raise

    def refused(self) -> None:
        """Google said that it was too much all the same: spend less for a while."""
        self._refused += 1
        if self._whole:
            self._restraint.refused(self._clock())

    def state(self) -> QuotaState:
        """As it is now."""
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
        """Units a second."""
        return self._whole * self._our_part() * self._restraint.factor(now)

    def _may_spend(self, now: float) -> bool:
        self._pace.move(now, self._rate(now))
        return self._pace.free

    def _spend(self, now: float, units: int) -> None:
        self._pace.spend(units)
        self._spent.add(now, units)

    def _forget(self, waiter: _Waiter) -> None:
        """It waits no more; what it was granted in the moment of being cancelled is given back."""
        if waiter.granted.done() and not waiter.granted.cancelled():
            self._spend(self._clock(), -waiter.units)
        elif waiter in self._waiting:
            self._waiting.remove(waiter)

    def _wake_later(self, now: float) -> None:
        if self._timer is None:
            wait = min(STEP_SECONDS, max(TICK_SECONDS, self._pace.wait(self._rate(now))))
            self._timer = asyncio.get_running_loop().call_later(wait, self._step)

    def _step(self) -> None:
        """Grant what is due, in the order of asking, and come back for the rest."""
        self._timer = None
        now = self._clock()
        if now - self._looked_at >= STEP_SECONDS:
            self._looked_at = now
            self._let_go()
        while self._waiting and self._may_spend(now):
            waiter = self._waiting.popleft()
            if not waiter.granted.done():
                self._spend(now, waiter.units)
                waiter.granted.set_result(None)
        if self._waiting:
            self._wake_later(now)

    def _let_go(self) -> None:
        """Of those whose partition went: another worker asks for the same, from its own share."""
        for waiter in [w for w in self._waiting if w.wanted is not None and not w.wanted()]:
            waiter.granted.cancel()
            self._waiting.remove(waiter)


async def while_wanted(message: Received, handle: Callable[[Received], Awaitable[None]]) -> None:
    """Handle a message, but no longer than it is ours for as long as it waits for quota.

    When its partition goes, what has its units may finish within the drain, and what still waits
    for them is left to the next owner at once: else a slow pace would hold up every drain, and a
    worker without partitions, which may spend nothing, would wait for ever.
    """
    _wanted.set(lambda: message.alive)
    try:
        await handle(message)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if message.alive or (task is not None and task.cancelling()):
            raise
        message.leave()
