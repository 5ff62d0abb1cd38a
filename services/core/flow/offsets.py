"""Which offset of one partition is safe to commit while work finishes out of order."""

from collections import OrderedDict
from dataclasses import dataclass


class Offsets:
    """One assignment of one partition: offsets arrive ascending, with gaps, finish in any order.

    Kafka's committed offset is the next one to read, so what may be committed is the oldest
    unfinished offset, or the one after the newest delivered if all are finished. Offsets have gaps
    (transaction markers, compaction), so nothing here is computed by counting. One object lives
    for one assignment: after `end()` late completions change nothing, since the partition may
    belong to another worker by then.
    """

    def __init__(self) -> None:
        self._unfinished: OrderedDict[int, float] = OrderedDict()
        self._next: int | None = None
        self._committed: int | None = None
        self._ended = False

    @property
    def ended(self) -> bool:
        """True once the partition was revoked or lost."""
        return self._ended

    @property
    def unfinished(self) -> int:
        """How many delivered offsets are not finished."""
        return len(self._unfinished)

    @property
    def committable(self) -> int | None:
        """The offset to commit, or None while nothing was delivered, or after the end."""
        if self._ended:
            return None
        return next(iter(self._unfinished), self._next)

    @property
    def uncommitted(self) -> int | None:
        """`committable` where it moved since the last successful commit, else None."""
        offset = self.committable
        return None if offset == self._committed else offset

    def oldest_age(self, now: float) -> float:
        """Seconds since the oldest unfinished offset was delivered; 0.0 if none."""
        return now - next(iter(self._unfinished.values()), now)

    def begin(self, offset: int, at: float = 0.0) -> None:
        """Note a delivery at monotonic time `at`. A repeat of a known offset is refused."""
        if self._next is not None and offset < self._next:
            raise ValueError(f"offset {offset} was delivered before")
        self._unfinished[offset] = at
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """The work of this offset is done. Unknown, repeated and late ones change nothing."""
        if not self._ended:
            self._unfinished.pop(offset, None)

    def committed(self, offset: int) -> None:
        """The broker has acknowledged the commit of this offset."""
        self._committed = offset

    def end(self) -> None:
        """The assignment is over: nothing more may be committed from here."""
        self._ended = True
        self._unfinished.clear()


@dataclass(frozen=True)
class Watermarks:
    """Hysteresis for one partition: pause at `high` unfinished, resume at `low`."""

    high: int
    low: int

    def should_pause(self, unfinished: int) -> bool:
        """True at or above the high mark."""
        return unfinished >= self.high

    def should_resume(self, unfinished: int) -> bool:
        """True at or below the low mark."""
        return unfinished <= self.low
