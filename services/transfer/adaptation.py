"""How many files a worker copies at once follows what each of them tells."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.core.flow.adaptive import AdaptiveLimit, Bounds
from services.core.flow.concurrency import ConcurrencyLimit
from services.core.flow.gradient import Stay, size_class
from services.core.flow.occupancy import waits
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


@dataclass
class Watched:
    """`copy` is set once the file is stored and its outcome published."""

    copy: Copy | None = None


class Adaptation:
    """Resizes the slots. `outage` says whether a system is away just now."""

    def __init__(self, slots: ConcurrencyLimit, bounds: Bounds, outage: Callable[[], bool]) -> None:
        self._slots = slots
        self._in_hand, self._slot_seconds = 0, 0.0
        self._outage = outage
        self._clock = asyncio.get_running_loop().time
        self._at = self._clock()
        self._limit = AdaptiveLimit(bounds, self._at)

    @contextmanager
    def watching(self) -> Iterator[Watched]:
        """Around everything that is done for one message."""
        watched, began, outage = Watched(), self._count(1), self._outage()
        try:
            with waits() as waited:
                yield watched
        finally:
            now = self._count(-1)
        if watched.copy is None:
            return
        if self._outage():
            self._limit.disturbed(now)
        elif not outage and not watched.copy.has_failed:
            worked = now - began - waited.seconds
            kind = (watched.copy.systems, size_class(watched.copy.file.size or 0))
            stay = Stay(kind=kind, began=began, worked=worked, waited=waited.seconds)
            self._limit.finished(now, stay, self._slot_seconds)
        if self._slots.limit != self._limit.limit:
            self._slots.resize(self._limit.limit)

    def _count(self, change: int) -> float:
        """One more, or one less, in hand since now."""
        before, self._at = self._at, self._clock()
        self._slot_seconds += self._in_hand * (self._at - before)
        self._in_hand += change
        return self._at
