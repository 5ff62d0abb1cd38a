"""The arithmetic of a limiter: how much may be spent by now, and how refusals hold it back. Pure.

Times are seconds of any one clock that does not go back.
"""

from collections.abc import Callable

BURST_SECONDS = 0.25
"""What may be saved up, as time at the present rate.

A timer that comes late must not cost quota, and a quarter of a second is more than a busy event
loop is late. All workers' shares add up to one, so their bursts add up to a quarter of a second of
the whole: 0.4 % of a minute, well within the 2 % that previews rarely use.
"""
DECREASE = 0.7
"""What a refusal leaves of the rate."""
ONCE_IN_SECONDS = 5.0
"""Many requests are under way at once and refused together: together they count once."""
RECOVERY_A_SECOND = 0.01
"""Of the share, not of what is left of it: from the floor to all of it in a minute and a half."""
FLOOR = 0.05
"""Someone must go on asking, or nobody would learn that Google allows more again."""
MINUTE = 60


class Pace:
    """Lets a spender go whenever it owes nothing, and then owes what it spent.

    So requests are evenly spaced, whatever each of them costs, and one may cost more than could
    ever be saved up.
    """

    def __init__(self, now: float) -> None:
        self._level = 0.0  # units: saved up if positive, owed if negative
        self._rate = 0.0
        self._at = now

    @property
    def free(self) -> bool:
        """Whether somebody may spend now."""
        return self._rate > 0 and self._level >= 0

    def move(self, now: float, rate: float) -> None:
        """On to `now`, at so many units a second since the last time."""
        earned = rate * max(0.0, now - self._at)
        self._level = min(self._level + earned, max(rate * BURST_SECONDS, 0.0))
        self._rate, self._at = rate, max(now, self._at)

    def spend(self, units: float) -> None:
        """Owe them; negative ones are given back."""
        self._level -= units

    def wait(self, rate: float) -> float:
        """Seconds from the last move until somebody may spend; infinity without a rate."""
        return max(0.0, -self._level) / rate if rate > 0 else float("inf")


class Restraint:
    """Additive increase, multiplicative decrease of what is used of a share.

    Says so once when an episode of refusals begins, and once when the whole share is used again.
    """

    def __init__(self, say: Callable[..., None]) -> None:
        self._say = say
        self._left = 1.0  # of the share, at the time of the last decrease
        self._at: float | None = None

    def factor(self, now: float) -> float:
        """What is used of the share: `FLOOR` to 1."""
        if self._at is None:
            return 1.0
        factor = min(1.0, self._left + RECOVERY_A_SECOND * (now - self._at))
        if factor == 1.0:
            self._at = None
            self._say(
                "quota.recovered",
                why="Google Drive has not refused anything for a while: the whole share is used.",
            )
        return factor

    def refused(self, now: float) -> None:
        """Slow down, unless this was done just now."""
        if self._at is not None and now - self._at < ONCE_IN_SECONDS:
            return
        begins = self._at is None
        self._left = max(FLOOR, self.factor(now) * DECREASE)
        self._at = now
        if begins:
            self._say(
                "quota.refused",
                why="Google Drive says that it is asked too often: going on more slowly, and "
                "faster again step by step as it allows.",
                share_used=round(self._left, 2),
            )


class Spent:
    """Units of the last minute, in slots of a second: memory does not grow with requests."""

    def __init__(self) -> None:
        self._slots = [0] * MINUTE
        self._second = 0

    def add(self, now: float, units: int) -> None:
        """They were spent now."""
        self._turn_to(int(now))
        self._slots[self._second % MINUTE] += units

    def in_last_minute(self, now: float) -> int:
        """All of the last 60 seconds, the current one included."""
        self._turn_to(int(now))
        return max(0, sum(self._slots))

    def _turn_to(self, second: int) -> None:
        """Empty the slots of what is a minute old by then."""
        for passed in range(self._second + 1, min(second, self._second + MINUTE) + 1):
            self._slots[passed % MINUTE] = 0
        self._second = max(second, self._second)
