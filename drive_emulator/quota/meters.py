"""How much of a limit is left: a bucket that refills, or a minute that begins anew."""

from typing import Protocol

_MINUTE_S = 60.0


class Meter(Protocol):
    """Units. Time is seconds, and only goes forwards."""

    def left(self, now: float) -> float:
        """What could be spent at this moment."""
        ...

    def spend(self, units: float) -> None:
        """Takes what `left` said is there."""
        ...

    def wait(self, units: float) -> float:
        """Seconds until so much is there, if nobody spends anything."""
        ...


class TokenBucket:
    """Refilled continuously, by a sixtieth of the limit each second."""

    def __init__(self, per_minute: float, capacity: float, now: float) -> None:
        self._per_second = per_minute / _MINUTE_S
        self._capacity = capacity
        self._held = capacity
        self._at = now

    def left(self, now: float) -> float:
        self._held = min(self._capacity, self._held + (now - self._at) * self._per_second)
        self._at = now
        return self._held

    def spend(self, units: float) -> None:
        self._held -= units

    def wait(self, units: float) -> float:
        return max(0.0, (units - self._held) / self._per_second)


class FixedWindow:
    """The whole limit, for each minute of the clock."""

    def __init__(self, per_minute: float) -> None:
        self._limit = per_minute
        self._minute = 0.0
        self._spent = 0.0
        self._now = 0.0

    def left(self, now: float) -> float:
        self._now = now
        if now // _MINUTE_S != self._minute:
            self._minute = now // _MINUTE_S
            self._spent = 0.0
        return self._limit - self._spent

    def spend(self, units: float) -> None:
        self._spent += units

    def wait(self, units: float) -> float:
        return 0.0 if units <= self._limit - self._spent else _MINUTE_S - self._now % _MINUTE_S


class Unlimited:
    """No limit."""

    def left(self, now: float) -> float:
        return float("inf")

    def spend(self, units: float) -> None:
        """There is always more."""

    def wait(self, units: float) -> float:
        return 0.0
