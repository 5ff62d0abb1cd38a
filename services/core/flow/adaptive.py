"""How many files to work on at once: as few as give nearly the highest throughput. Pure.

The limit climbs a hill. It takes a step, by a factor, and keeps it if the throughput followed. So
it needs no model of what is on the other side. But workers that share a bottleneck take throughput
from each other, and each would climb for ever: so there is a bound on latency too, beyond which
the limit falls unless that is in vain (docs/decisions/0046).
"""

import math
from dataclasses import dataclass

from services.core.flow.gradient import Change, Stay, Window

FIRST = 8
STEP, PROBE_STEP, LEAST_STEP = 2.0, 1.3, 1.15
"""Factors. A search begins with the first, and takes the square root after each step in vain."""
GROWTH, LOSS, NOT_OURS = 0.2, 0.12, 0.85
"""The part of a step that the throughput follows, by logarithms: at least so much up, at most so
much down. If it follows a step down almost fully, it is not our concurrency that takes the time."""
SLOW, LATE = math.log(3.0), math.log(6.0)
"""A file that takes three times as long as at best may be one of too many; one that takes six times
as long is, unless fewer do not help."""
CHANGED, CERTAIN = 0.4, 3.0
"""A latency that differs so much, by its logarithm and in standard errors, is another one."""
DOUBT, DOUBT_OF_PROBES = 1.0, 1.5
"""Standard errors. What is closer to the threshold needs a longer window."""
LONGEST_WINDOW, PROBE_WINDOW, CONFIRMED_AFTER = 3.0, 1.5, 2.0
FIRST_REST, LONGEST_REST = 4.0, 60.0
"""Seconds between a search and a probe to one side; they double."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Of the limit, both included."""

    least: int
    most: int

    @property
    def first(self) -> int:
        return min(self.most, max(self.least, FIRST))


@dataclass(kw_only=True)
class _Search:
    """In one direction, and then in the other one unless it has `moved`. A probe has one only, and
    moves only if that is certain to be better."""

    up: bool
    step: float = STEP
    directions: int = 2
    moved: bool = False
    probes: bool = False

    def turn(self) -> None:
        self.directions = 0 if self.moved else self.directions - 1
        self.up, self.step = not self.up, STEP


class AdaptiveLimit:
    """`limit` is what it should be now. Times are seconds of any monotonic clock."""

    def __init__(self, bounds: Bounds, now: float) -> None:
        self.limit = bounds.first
        self._bounds = bounds
        self._slot_seconds = 0.0
        self._window = Window(limit=self.limit, since=now, slot_seconds=0.0)
        self._settled: Window | None = None  # of the best limit so far
        self._quickest: Window | None = None
        self._search = _Search(up=True)
        self._rest, self._rest_until = FIRST_REST, now

    def disturbed(self, now: float) -> None:
        """What is under way tells nothing. Measure anew, from now on."""
        self._window = Window(limit=self.limit, since=now, slot_seconds=self._slot_seconds)

    def finished(self, now: float, stay: Stay, slot_seconds: float) -> None:
        """Take account of a file. `slot_seconds` says how long slots were in use, added up."""
        window, self._slot_seconds = self._window, slot_seconds
        if stay.began < window.since or self._bounds.least == self._bounds.most:
            return
        window.add(stay)
        if not window.is_over(now):
            return
        is_limited = window.is_limited(now, slot_seconds)
        if self._settled is None or window.limit == self._settled.limit:
            if is_limited:
                self._settle(now, window)
            else:
                self.disturbed(now)
        elif is_limited:
            self._judge(now, self._settled, window)
        else:
            self._reject(now, self._settled)

    def _settle(self, now: float, window: Window) -> None:
        """A window of the best limit so far."""
        change = self._settled.change_to(window) if self._settled else None
        if self._settled is None or change is None:
            self._settled = window
        elif abs(change.latency) > max(CHANGED, CERTAIN * change.error):
            if now - window.since < CONFIRMED_AFTER:
                return
            self._settled = None  # and not this window, which began before the change
            self._search = _Search(up=change.latency < 0)
            self._rest, self._rest_until = FIRST_REST, now
            self.disturbed(now)
            return
        else:
            self._settled.merge(window)
        self._note_quickest(window)
        if now < self._rest_until:
            self.disturbed(now)
            return
        if not self._search.directions:
            self._search = self._look_around(self._settled)
            self._rest = min(LONGEST_REST, self._rest * 2)
        self._try_next(now, self._settled)

    def _look_around(self, best: Window) -> _Search:
        if self._delay(best) > SLOW:
            return _Search(up=False, directions=1)
        return _Search(up=True, step=PROBE_STEP, directions=1, probes=True)

    def _judge(self, now: float, before: Window, window: Window) -> None:
        """A window of a limit that is tried."""
        search = self._search
        if search.probes and now - window.since < PROBE_WINDOW:
            return
        change = before.change_to(window)
        doubt = (DOUBT_OF_PROBES if search.probes else DOUBT) * (change.error if change else 1.0)
        margin = self._margin(before, window, change)
        if abs(margin) < doubt and now - window.since < LONGEST_WINDOW:
            return
        self._note_quickest(window)
        if margin > (0.0 if search.up and not search.probes else doubt):
            self._settled, search.moved = window, True
            if search.probes:
                search.step, self._rest = min(STEP, search.step**2), FIRST_REST
            self._try_next(now, window)
            return
        if search.up or self._delay(before) <= LATE:
            self._reject(now, before)
            return
        if margin < 0.0:
            self._quickest = before  # fewer at once do not help
        search.turn()
        self._try_next(now, before)

    def _reject(self, now: float, before: Window) -> None:
        self._search.step = math.sqrt(self._search.step)
        self._try_next(now, before)

    def _margin(self, before: Window, window: Window, change: Change | None) -> float:
        """By how much the throughput is above what makes the step a good one."""
        if change is None:
            return 0.0
        if not self._search.up:
            part = NOT_OURS if self._delay(before) > LATE else LOSS
        elif self._delay(window) > LATE:
            return -math.inf
        else:
            part = GROWTH
        return change.throughput - part * math.log(window.limit / before.limit)

    def _note_quickest(self, window: Window) -> None:
        change = self._quickest.change_to(window) if self._quickest else None
        if change is None or change.latency < -change.error:
            self._quickest = window

    def _delay(self, window: Window) -> float:
        """How much longer a file takes than at best; the logarithm of a factor."""
        change = self._quickest.change_to(window) if self._quickest else None
        return change.latency if change else 0.0

    def _try_next(self, now: float, best: Window) -> None:
        """The next limit of the search; if there is none, rest at the best."""
        search = self._search
        while search.directions:
            limit = self._next(best.limit)
            if limit != best.limit and search.step >= LEAST_STEP:
                self._move(now, limit)
                return
            if limit == best.limit and not search.up and self._delay(best) > LATE:
                self._quickest = best  # there cannot be fewer
            search.turn()
        self._rest_until = now + self._rest
        self._move(now, best.limit)

    def _next(self, best: int) -> int:
        step = self._search.step
        if self._search.up:
            return min(self._bounds.most, max(best + 1, round(best * step)))
        return max(self._bounds.least, min(best - 1, round(best / step)))

    def _move(self, now: float, limit: int) -> None:
        self.limit = limit
        self.disturbed(now)
