"""How many files a worker copies at once follows what each of them tells."""

import asyncio
import re
from collections.abc import Callable
from typing import Self

from services.core.flow.adaptive import AdaptiveLimit, Bounds
from services.core.flow.concurrency import ConcurrencyLimit
from services.core.flow.gradient import Stay, size_class
from services.core.flow.occupancy import Waits
from services.core.settings import Reader
from services.transfer.copy import Copy

USUAL_BOUNDS = "4-128"
HIGHEST = 1024
BOUNDS = re.compile(r"0*([0-9]{1,4})(?:\s*-\s*0*([0-9]{1,4}))?")


def read_bounds(reader: Reader) -> Bounds:
    """`TRANSFER_CONCURRENCY`: a range, or a number that is kept to."""
    given = BOUNDS.fullmatch(reader.text("TRANSFER_CONCURRENCY", USUAL_BOUNDS))
    least = int(given[1]) if given else 0
    most = int(given[2] or least) if given else 0
    if not 1 <= least <= most <= HIGHEST:
        reader.faults.append(
            f"TRANSFER_CONCURRENCY must be a whole number from 1 to {HIGHEST}, or a range of them "
            f"such as {USUAL_BOUNDS}."
        )
        return Bounds(least=1, most=1)
    return Bounds(least=least, most=most)


class Adaptation:
    """Resizes the slots. `outage` says whether a system is away just now."""

    def __init__(self, slots: ConcurrencyLimit, bounds: Bounds, outage: Callable[[], bool]) -> None:
        self._slots = slots
        self._in_hand, self._slot_seconds = 0, 0.0
        self._clock = asyncio.get_running_loop().time
        self._at = self._clock()
        self._limit = AdaptiveLimit(bounds, self._at)
        self.outage = outage

    def watching(self) -> "Watched":
        """For a block around everything that is done for one message."""
        return Watched(self)

    def learn(self, now: float, stay: Stay) -> None:
        self._limit.finished(now, stay, self._slot_seconds)
        self._resize()

    def disturb(self, now: float) -> None:
        self._limit.disturbed(now)
        self._resize()

    def count(self, change: int) -> float:
        """One more, or one less, in hand since now."""
        before, self._at = self._at, self._clock()
        self._slot_seconds += self._in_hand * (self._at - before)
        self._in_hand += change
        return self._at

    def _resize(self) -> None:
        if self._slots.limit != self._limit.limit:
            self._slots.resize(self._limit.limit)


class Watched:
    """One message in hand. A class, because two generators would cost several times as much."""

    __slots__ = ("_adaptation", "_began", "_ended", "_outage", "_waited")

    def __init__(self, adaptation: Adaptation) -> None:
        self._adaptation, self._waited, self._ended = adaptation, Waits(), False

    def __enter__(self) -> Self:
        self._waited.__enter__()
        self._began, self._outage = self._adaptation.count(1), self._adaptation.outage()
        return self

    def __exit__(self, *_why: object) -> None:
        self.end(None)
        self._waited.__exit__()

    def end(self, copy: Copy | None) -> None:
        """The file was stored, and is in hand no more; None if it was not. Only the first counts:
        how long Kafka takes for the outcome says nothing about how many to copy at once."""
        if self._ended:
            return
        self._ended = True
        now = self._adaptation.count(-1)
        if copy is None:
            return
        if self._adaptation.outage():
            self._adaptation.disturb(now)
        elif not self._outage and not copy.has_failed:
            waited = self._waited.seconds
            kind = (copy.systems, size_class(copy.file.size or 0))
            worked = now - self._began - waited
            self._adaptation.learn(now, Stay(kind, self._began, worked, waited))
