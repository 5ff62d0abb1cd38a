"""How much of a limit is left: no limit, a token bucket, or a window of one minute."""

_MINUTE_S = 60.0


class Meter:
    """Counts units; this one has no limit. Time is in seconds and only goes forwards."""

    def left(self, now: float) -> float:
        return float("inf")

    def spend(self, units: float) -> None:
        """Spend units that `left` has reported."""

    def wait(self, units: float) -> float:
        """Seconds until so many units are left, if nothing is spent."""
        return 0.0


class TokenBucket(Meter):
    """Refilled continuously, by a sixtieth of the limit each second."""

    def __init__(self, per_minute: float, capacity: float, now: float) -> None:
        self._per_second = per_minute / _MINUTE_S
        self._capacity = capacity
        self._units = capacity
        self._at = now

    def left(self, now: float) -> float:
        self._units = min(self._capacity, self._units + (now - self._at) * self._per_second)
        self._at = now
        return self._units

    def spend(self, units: float) -> None:
        self._units -= units

    def wait(self, units: float) -> float:
        return max(0.0, (units - self._units) / self._per_second)


class FixedWindow(Meter):
    """The whole limit for each minute of the clock."""

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
