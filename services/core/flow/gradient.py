"""What became of throughput and latency from one concurrency limit to another. Pure.

By Little's law, throughput is what is worked on at once, divided by how long each takes. So if a
limit that is a third higher makes every file take a third longer, the throughput stays the same.

Files are compared with files of like kind. So neither their mix nor one huge file changes the
measure, and throughput in bytes and in files need not be told apart.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple, Self

WINDOW_SECONDS = 0.5
LEAST_FILES = 12
ROUNDS = 2
"""A window holds so many files for each slot, or those that are slow would be missing."""
FULL = 0.8
"""Of the slots in use. With fewer, it is not the limit that limits."""
MOST_WAITING = 0.25
"""Of the time, for quota, memory or a line. With more, it is not the limit that limits."""
SMALL = 16
"""Bits. Files up to 64 KiB count as of one size."""
LEAST_SPREAD = 0.3
"""The variance of logarithms below which equal times would seem more certain than they are."""


def size_class(size: int) -> int:
    """The same for sizes that differ by less than a factor of four."""
    return max(size.bit_length(), SMALL) // 2


class Stay(NamedTuple):
    """One file that was copied: times in seconds. Those of a `kind` should take equally long."""

    kind: Hashable
    began: float
    worked: float
    waited: float = 0.0


@dataclass(slots=True)
class Spread:
    """Mean and variance of logarithms, so that one very slow file counts little."""

    count: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.squares += value * value

    def merge(self, newer: "Spread") -> None:
        self.count = self.count / 2 + newer.count
        self.total = self.total / 2 + newer.total
        self.squares = self.squares / 2 + newer.squares

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def variance_of_mean(self) -> float:
        variance = max(0.0, self.squares / self.count - self.mean**2)
        return (max(variance, LEAST_SPREAD)) / self.count


class Change(NamedTuple):
    """Logarithms of factors; `error` is the standard error of both."""

    latency: float
    throughput: float
    error: float


@dataclass(kw_only=True)
class Window:
    """What files that began since then, under one limit, tell."""

    limit: int
    since: float
    slot_seconds: float  # of all time until then: how long slots were in use, added up
    kinds: dict[Hashable, Spread] = field(default_factory=dict)
    count: float = 0.0
    worked: float = 0.0
    waited: float = 0.0

    def add(self, stay: Stay) -> None:
        self.kinds.setdefault(stay.kind, Spread()).add(math.log(max(stay.worked, 1e-6)))
        self.count += 1
        self.worked += stay.worked
        self.waited += stay.waited

    def merge(self, newer: Self) -> None:
        """Add another window of the same limit. What was seen before counts half."""
        self.count = self.count / 2 + newer.count
        self.worked = self.worked / 2 + newer.worked
        self.waited = self.waited / 2 + newer.waited
        for kind in self.kinds.keys() | newer.kinds.keys():
            spread = self.kinds.setdefault(kind, Spread())
            spread.merge(newer.kinds.get(kind, Spread()))

    def is_over(self, now: float) -> bool:
        files = max(LEAST_FILES, ROUNDS * self.limit)
        return self.count >= files and now - self.since >= WINDOW_SECONDS

    def is_limited(self, now: float, slot_seconds: float) -> bool:
        """Whether it was this limit that limited the work."""
        in_use = slot_seconds - self.slot_seconds
        is_full = in_use >= FULL * self.limit * (now - self.since)
        return is_full and self.waited <= MOST_WAITING * (self.worked + self.waited)

    @property
    def slots(self) -> float:
        """How many files were worked on at once."""
        return self.limit * self.worked / max(self.worked + self.waited, 1e-9)

    def change_to(self, other: Self) -> Change | None:
        """None if no kind of file is in both."""
        latency = variance = weight = 0.0
        for kind in self.kinds.keys() & other.kinds.keys():
            mine, theirs = self.kinds[kind], other.kinds[kind]
            share = min(mine.count, theirs.count) * math.exp(mine.mean)
            latency += share * (theirs.mean - mine.mean)
            variance += share**2 * (mine.variance_of_mean + theirs.variance_of_mean)
            weight += share
        if not weight:
            return None
        slots = math.log(max(other.slots, 1e-9) / max(self.slots, 1e-9))
        latency, error = latency / weight, math.sqrt(variance) / weight
        return Change(latency=latency, throughput=slots - latency, error=error)
