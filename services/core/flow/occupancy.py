"""Where the work in hand is: how much of it waits for, or is at, each system, on average.

An average over the last seconds, because a single look at a few messages says little. By Little's
law, it also tells how long a stay at a system takes.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import NamedTuple, Self

HALF_LIFE = 5.0
"""Seconds after which what was seen counts half."""
FOLD_SECONDS = 0.25
DRIVE, STORE, KAFKA = "drive", "store", "kafka"
QUOTA, MEMORY, PACE = "quota", "memory", "pace"
SAME_FILE = "same_file"
"""Until another message about the same file is finished."""
OTHER = "other"
"""In hand, but at none of these."""
WORKING = frozenset({DRIVE, STORE, KAFKA, OTHER})
"""At all other places, a message waits for its turn."""


class _Count:
    """At one place: how many are there since when, and what was added up since the last fold."""

    __slots__ = ("area", "average", "count", "ended", "rate", "since")

    def __init__(self, since: float) -> None:
        self.count, self.since, self.area = 0, since, 0.0
        self.ended = 0
        self.average = self.rate = 0.0

    def add(self, change: int, now: float) -> None:
        self.area += self.count * (now - self.since)
        self.since = now
        self.count += change


class Occupancy:
    """Of one process. It may be read in any thread.

    Each change costs little: what happens between two folds is only added up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._counts: dict[str, _Count] = {}
        self._weight = 0.0

    def average(self) -> Mapping[str, float]:
        """How many messages are at each place."""
        averages = {name: average for name, average, _ in self._averages()}
        return {name: round(many, 3) for name, many in averages.items() if many >= 0.0005}

    def seconds(self) -> Mapping[str, float]:
        """How long a stay takes, where any has ended lately."""
        return {
            name: round(average / rate, 3)
            for name, average, rate in self._averages()
            if rate > 0.001
        }

    def enter(self, name: str) -> None:
        self._count(name).add(1, self._now())

    def leave(self, name: str) -> None:
        self._count(name).add(-1, self._now())

    def move(self, before: str, after: str) -> None:
        now = self._now()
        self._count(before).add(-1, now)
        self._count(after).add(1, now)

    def end(self, name: str) -> None:
        """A whole stay has ended."""
        self._count(name).ended += 1

    def entered(self) -> "_Entered":
        """The running task takes a message in hand. What it calls says where it is (`within`)."""
        return _Entered(self)

    def _count(self, name: str) -> _Count:
        found = self._counts.get(name)
        if found is None:
            found = self._counts[name] = _Count(self._at)
        return found

    def _now(self) -> float:
        now = self._clock()
        if now - self._at >= FOLD_SECONDS:
            self._fold(now)
        return now

    def _fold(self, now: float) -> None:
        kept, passed = self._kept(now), now - self._at
        for count in self._counts.values():
            count.add(0, now)
            count.average = count.average * kept + count.area / passed * (1 - kept)
            count.rate = count.rate * kept + count.ended / passed * (1 - kept)
            count.area, count.ended = 0.0, 0
        self._weight = self._weight * kept + 1 - kept
        self._at = now

    def _averages(self) -> Iterator[tuple[str, float, float]]:
        """Of each place how many are there, and how many leave it each second. Changes nothing."""
        now = self._clock()
        kept, passed = self._kept(now), now - self._at
        weight = self._weight * kept + 1 - kept
        if not weight or passed <= 0:
            weight, kept, passed = self._weight or 1.0, 1.0, 1.0
        for name, count in list(self._counts.items()):
            area = count.area + count.count * (now - count.since)
            average = count.average * kept + area / passed * (1 - kept)
            rate = count.rate * kept + count.ended / passed * (1 - kept)
            yield name, average / weight, rate / weight

    def _kept(self, now: float) -> float:
        return float(0.5 ** (max(0.0, now - self._at) / HALF_LIFE))


class Place(NamedTuple):
    """Where the running task is; without an occupancy nobody asks."""

    occupancy: Occupancy | None
    name: str


NOWHERE = Place(None, OTHER)
_CURRENT: ContextVar[Place] = ContextVar("place", default=NOWHERE)


def here() -> Place:
    """For code that another task runs later."""
    return _CURRENT.get()


def step_out() -> None:
    """The running task's message is no longer in hand. What still waits for it is at no place."""
    occupancy, name = _CURRENT.get()
    if occupancy is not None:
        occupancy.leave(name)
        _CURRENT.set(NOWHERE)


class _Entered:
    """A block with a message in hand. A class for the same reason as `within`."""

    __slots__ = ("_occupancy", "_token")

    def __init__(self, occupancy: Occupancy) -> None:
        self._occupancy = occupancy

    def __enter__(self) -> None:
        self._occupancy.enter(OTHER)
        self._token = _CURRENT.set(Place(self._occupancy, OTHER))

    def __exit__(self, *_why: object) -> None:
        has_stepped_out = _CURRENT.get() is NOWHERE
        _CURRENT.reset(self._token)
        if not has_stepped_out:
            self._occupancy.leave(OTHER)


class Waits:
    """For how many `seconds` a message has waited for its turns: those of the running task, and of
    what it calls, while the block runs."""

    __slots__ = ("_token", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._token = _WAITS.set(self)
        return self

    def __exit__(self, *_why: object) -> None:
        _WAITS.reset(self._token)


_WAITS: ContextVar[Waits | None] = ContextVar("waits", default=None)


class within:
    """The message is here while the block runs, and nowhere else. `counted`: the block is a whole
    stay. A class, because a generator would cost twice as much, for each call of each file."""

    __slots__ = ("_before", "_counted", "_name", "_occupancy", "_since", "_token", "_waits")

    def __init__(self, name: str, *, outer: Place | None = None, counted: bool = False) -> None:
        self._occupancy, self._before = outer or _CURRENT.get()
        self._name = name
        self._counted = counted
        self._waits = None if name in WORKING else _WAITS.get()

    def __enter__(self) -> None:
        if self._waits is not None:
            self._since = asyncio.get_running_loop().time()
        if self._occupancy is not None:
            self._occupancy.move(self._before, self._name)
            self._token = _CURRENT.set(Place(self._occupancy, self._name))

    def __exit__(self, *_why: object) -> None:
        if self._waits is not None:
            self._waits.seconds += asyncio.get_running_loop().time() - self._since
        if self._occupancy is not None:
            _CURRENT.reset(self._token)
            self._occupancy.move(self._name, self._before)
            if self._counted:
                self._occupancy.end(self._name)
