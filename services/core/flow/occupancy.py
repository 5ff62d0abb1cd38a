"""Where the work in hand is: how much of it waits for, or is at, each system, on average.

An average over the last seconds, because a single look at a few messages says little. By Little's
law, it also tells how long a stay at a system takes.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

HALF_LIFE = 5.0
"""Seconds after which what was seen counts half."""
DRIVE, STORE, KAFKA = "drive", "store", "kafka"
QUOTA, MEMORY, PACE = "quota", "memory", "pace"
OTHER = "other"
"""In hand, but at none of these."""


class Occupancy:
    """Of one process. It may be read in any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._count: defaultdict[str, int] = defaultdict(int)
        self._average: defaultdict[str, float] = defaultdict(float)
        self._ended: defaultdict[str, float] = defaultdict(float)
        self._weight = 0.0

    def average(self) -> Mapping[str, float]:
        """How many messages are at each place."""
        kept = self._kept(self._clock())
        weight = 1 - kept + self._weight * kept
        found = {
            name: (self._average.get(name, 0.0) * kept + count * (1 - kept)) / weight
            for name, count in list(self._count.items())
            if weight
        }
        return {name: round(many, 3) for name, many in found.items() if many >= 0.0005}

    def seconds(self) -> Mapping[str, float]:
        """How long a stay takes, where any has ended lately."""
        kept, average = self._kept(self._clock()), self.average()
        weight = 1 - kept + self._weight * kept
        per_second = math.log(2) / HALF_LIFE / weight if weight else 0.0
        return {
            name: round(average.get(name, 0.0) / (ended * kept * per_second), 3)
            for name, ended in list(self._ended.items())
            if ended * kept > 0.01
        }

    def enter(self, name: str) -> None:
        self._settle()
        self._count[name] += 1

    def leave(self, name: str) -> None:
        self._settle()
        self._count[name] -= 1

    def move(self, before: str, after: str) -> None:
        self._settle()
        self._count[before] -= 1
        self._count[after] += 1

    def end(self, name: str) -> None:
        """A whole stay has ended."""
        self._ended[name] += 1

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The running task takes a message in hand. What it calls says where it is (`within`)."""
        self.enter(OTHER)
        token = _CURRENT.set(Place(self, OTHER))
        try:
            yield
        finally:
            _CURRENT.reset(token)
            self.leave(OTHER)

    def _kept(self, now: float) -> float:
        return float(0.5 ** (max(0.0, now - self._at) / HALF_LIFE))

    def _settle(self) -> None:
        now = self._clock()
        kept = self._kept(now)
        for name, count in self._count.items():
            self._average[name] = self._average[name] * kept + count * (1 - kept)
        for name in self._ended:
            self._ended[name] *= kept
        self._weight = self._weight * kept + 1 - kept
        self._at = now


class Place(NamedTuple):
    """Where the running task is; without an occupancy nobody asks."""

    occupancy: Occupancy | None
    name: str


NOWHERE = Place(None, OTHER)
_CURRENT: ContextVar[Place] = ContextVar("place", default=NOWHERE)


def here() -> Place:
    """For code that another task runs later."""
    return _CURRENT.get()


@contextmanager
def within(name: str, *, outer: Place | None = None, counted: bool = False) -> Iterator[None]:
    """The message is here while the block runs, and nowhere else. `counted`: the block is a whole
    stay."""
    occupancy, before = outer or _CURRENT.get()
    if occupancy is None:
        yield
        return
    occupancy.move(before, name)
    token = _CURRENT.set(Place(occupancy, name))
    try:
        yield
    finally:
        _CURRENT.reset(token)
        occupancy.move(name, before)
        if counted:
            occupancy.end(name)
