"""How many files to work on at once: as few as give nearly the highest throughput. Pure.

The limit climbs hills. It changes by a factor, and looks at what became of the throughput. By
Little's law, throughput is what is worked on at once, divided by how long each takes. So a step up
that makes every file take as much longer was of no use: the gradient of Netflix's
concurrency-limits, between two limits that were both tried (docs/decisions/0046).

Files are compared with files of like size. So neither their mix nor one huge file changes the
measure, and throughput in bytes and in files need not be told apart.
"""

import math
from dataclasses import dataclass, field
from typing import Self

LEAST_STEP, FIRST_STEP, PROBE_STEP = 1.15, 2.0, 1.3
"""Factors. A search begins with the first, and takes the square root after each step in vain."""
WORTH_GROWING, WORTH_KEEPING = 0.2, 0.12
"""The part of a step, by its logarithm, that the throughput must follow: 0 is none, 1 is all."""
WINDOW_SECONDS, LONGEST_WINDOW = 0.5, 3.0
LEAST_FILES = 12
ROUNDS = 2
"""A window holds so many files for each slot, or those that are slow would be missing."""
FULL = 0.8
"""Of the slots in use. With fewer, it is not the limit that limits."""
MOST_WAITING = 0.25
"""Of the time, for quota, memory or a line. With more, it is not the limit that limits."""
FIRST_REST, LONGEST_REST = 4.0, 60.0
CERTAIN_PROBE = 1.5
CHANGED, CERTAIN = 0.4, 3.0
"""A latency that differs so much (by its logarithm, and in standard errors) is another one."""
SMALL = 16
"""Bits. Files up to 64 KiB count as of one size."""


def size_class(size: int) -> int:
    """The same for sizes that differ by less than a factor of four."""
    return max(size.bit_length(), SMALL) // 2


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Of the limit, both included, and where it begins."""

    least: int
    most: int
    first: int = 8

    @property
    def start(self) -> int:
        return min(self.most, max(self.least, self.first))


@dataclass(frozen=True, kw_only=True)
class Stay:
    """One file that was copied: times in seconds. Those of a `kind` should take equally long."""

    kind: int
    began: float
    worked: float
    waited: float = 0.0


@dataclass(slots=True)
class _Kind:
    """Logarithms, so that one very slow file counts little."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.squares += value * value

    def merge(self, newer: Self) -> None:
        self.count = self.count / 2 + newer.count
        self.total = self.total / 2 + newer.total
        self.squares = self.squares / 2 + newer.squares

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def error(self) -> float:
        """The variance of the mean."""
        spread = max(0.0, self.squares / self.count - self.mean**2)
        return (spread + 1e-4) / self.count


@dataclass(frozen=True, kw_only=True)
class Change:
    """Logarithms of factors, from one window to another."""

    latency: float
    slots: float
    error: float

    @property
    def throughput(self) -> float:
        return self.slots - self.latency


@dataclass(kw_only=True)
class Window:
    """What files that began since then under one limit tell."""

    limit: int
    since: float
    kinds: dict[int, _Kind] = field(default_factory=dict)
    count: int = 0
    in_use: int = 0
    worked: float = 0.0
    waited: float = 0.0

    def add(self, stay: Stay, in_use: int) -> None:
        self.kinds.setdefault(stay.kind, _Kind()).add(math.log(max(stay.worked, 1e-6)))
        self.count += 1
        self.in_use += in_use
        self.worked += stay.worked
        self.waited += stay.waited

    def merge(self, newer: Self) -> None:
        """What was seen before counts half."""
        for name in ("count", "in_use", "worked", "waited"):
            setattr(self, name, getattr(self, name) / 2 + getattr(newer, name))
        for kind in self.kinds.keys() | newer.kinds.keys():
            self.kinds.setdefault(kind, _Kind()).merge(newer.kinds.get(kind, _Kind()))

    def is_over(self, now: float) -> bool:
        files = max(LEAST_FILES, ROUNDS * self.limit)
        return self.count >= files and now - self.since >= WINDOW_SECONDS

    @property
    def is_limited(self) -> bool:
        """Whether it was this limit that limited the work."""
        waiting = self.waited / max(self.worked + self.waited, 1e-9)
        return self.in_use >= FULL * self.limit * self.count and waiting <= MOST_WAITING

    @property
    def slots(self) -> float:
        """How many files were worked on at once."""
        return self.limit * self.worked / max(self.worked + self.waited, 1e-9)

    def change_to(self, other: Self) -> Change | None:
        """None if no kind of file is in both."""
        latency = error = weight = 0.0
        for kind in self.kinds.keys() & other.kinds.keys():
            mine, theirs = self.kinds[kind], other.kinds[kind]
            share = min(mine.count, theirs.count) * math.exp(mine.mean)
            latency += share * (theirs.mean - mine.mean)
            error += share**2 * (mine.error + theirs.error)
            weight += share
        if not weight:
            return None
        slots = math.log(max(other.slots, 1e-9) / max(self.slots, 1e-9))
        return Change(latency=latency / weight, slots=slots, error=math.sqrt(error) / weight)


class AdaptiveLimit:
    """`limit` is what it should be now. Times are seconds of any monotonic clock."""

    def __init__(self, bounds: Bounds, now: float) -> None:
        self.limit = bounds.start
        self._bounds = bounds
        self._window = Window(limit=self.limit, since=now)
        self._settled: Window | None = None  # measured at the best limit so far
        self._step = FIRST_STEP
        self._up = True
        self._moved = False  # in this search
        self._searches = True
        self._directions = 2  # left to search in
        self._rest, self._rest_until = FIRST_REST, now

    def disturbed(self, now: float) -> None:
        """What is under way tells nothing. Measure again, from now on."""
        self._window = Window(limit=self.limit, since=now)

    def finished(self, now: float, stay: Stay, in_use: int) -> None:
        """Take account of a file, which was one of `in_use`."""
        if stay.began < self._window.since:
            return
        self._window.add(stay, in_use)
        if not self._window.is_over(now):
            return
        if not self._window.is_limited:
            self.disturbed(now)
        elif self._settled is None or self._window.limit == self._settled.limit:
            self._settle(now, self._window)
        else:
            self._judge(now, self._settled, self._window)

    def _settle(self, now: float, window: Window) -> None:
        """A window at the best limit so far."""
        change = self._settled.change_to(window) if self._settled else None
        if change and abs(change.latency) > max(CHANGED, CERTAIN * change.error):
            self._search(up=change.latency < 0)
            self._settled = window
        elif self._settled:
            self._settled.merge(window)
        else:
            self._settled = window
        if self._directions and now >= self._rest_until:
            self._try_next(now)
        elif now >= self._rest_until:
            self._probe(now)
        else:
            self.disturbed(now)

    def _search(self, *, up: bool) -> None:
        self._step, self._up, self._moved, self._directions = FIRST_STEP, up, False, 2
        self._rest, self._rest_until = FIRST_REST, -math.inf
        self._searches = True

    def _probe(self, now: float) -> None:
        """Conditions may have changed a little: look at one side, and next time at the other."""
        self._step, self._up, self._moved, self._directions = PROBE_STEP, not self._up, False, 1
        self._searches = False
        self._rest = min(LONGEST_REST, self._rest * 2)
        self._try_next(now)

    def _judge(self, now: float, before: Window, window: Window) -> None:
        """A window at a limit that is tried."""
        change = before.change_to(window)
        step = math.log(window.limit / before.limit)
        threshold = step * (WORTH_GROWING if self._up else WORTH_KEEPING)
        margin = change.throughput - threshold if change else -math.inf
        unclear = change is None or abs(margin) < change.error * (1 if self._searches else CERTAIN_PROBE)
        if unclear and now - window.since < LONGEST_WINDOW:
            return
        if margin > (0.0 if self._searches else CERTAIN_PROBE * change.error):
            self._settled, self._moved = window, True
            self._step = min(FIRST_STEP, self._step**2) if self._directions < 2 else self._step
        else:
            self._step = math.sqrt(self._step)
        self._try_next(now)

    def _try_next(self, now: float) -> None:
        """The next limit of the search; if there is none, rest at the best."""
        assert self._settled is not None
        best = self._settled.limit
        while self._directions:
            limit = self._next(best)
            if limit != best and self._step >= LEAST_STEP:
                self._set(now, limit)
                return
            self._directions = 0 if self._moved else self._directions - 1
            self._step, self._up = FIRST_STEP, self._up if self._moved else not self._up
        self._rest_until = now + self._rest
        self._set(now, best)

    def _next(self, best: int) -> int:
        if self._up:
            return min(self._bounds.most, max(best + 1, round(best * self._step)))
        return max(self._bounds.least, min(best - 1, round(best / self._step)))

    def _set(self, now: float, limit: int) -> None:
        self.limit = limit
        self._window = Window(limit=limit, since=now)
