"""The rates of the last hour, from the windows that the monitor publishes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from services.core.events import Message, WindowCounted

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SHORT_SECONDS, LONG_SECONDS = 10, 60
SHORT_WINDOWS = 3
"""The rate of now is that of so many windows of ten seconds that are over."""
CURRENT_FOR = timedelta(seconds=30)
NEWEST_RECORDS = 200_000
"""Where a reader of `stats.windows` begins at the earliest."""
WANTED = tuple(f"all/{seconds}/".encode() for seconds in (SHORT_SECONDS, LONG_SECONDS))


class Rate(Struct, frozen=True, kw_only=True):
    """Each second. `files` are those with an outcome."""

    found: float
    files: float
    bytes: float


class MinuteCounts(Struct, frozen=True, kw_only=True):
    """What happened in the minute that began at `start`. `bytes` are those of stored files."""

    start: datetime
    found: int
    stored: int
    unchanged: int
    failed: int
    bytes: int
    failures: dict[str, int]


class Rates(Struct, frozen=True, kw_only=True):
    """`now` is null if the monitor has published nothing lately. Minutes of which it knows nothing
    are left out; the last one may not be over."""

    now: Rate | None
    minutes: Sequence[MinuteCounts]
    as_of: datetime | None


def is_wanted(key: bytes | None) -> bool:
    """Whether a record of `stats.windows` is about all imports together."""
    return (key or b"").startswith(WANTED)


class WindowCache:
    """The windows of the last hour, about all imports together."""

    def __init__(self) -> None:
        self._windows: dict[tuple[int, datetime], WindowCounted] = {}
        self._as_of: datetime | None = None

    def apply(self, event: Message) -> None:
        if not isinstance(event, WindowCounted) or event.import_id is not None:
            return
        key = event.seconds, event.start
        known = self._windows.get(key)
        if known is None or known.as_of <= event.as_of:
            self._windows[key] = event
        self._as_of = max(event.as_of, self._as_of or event.as_of)
        if known is None:
            self._forget(self._as_of)

    def _forget(self, now: datetime) -> None:
        for seconds, start in list(self._windows):
            kept = HOUR if seconds == LONG_SECONDS else 2 * MINUTE
            if not -MINUTE <= now - start <= kept + MINUTE:
                del self._windows[seconds, start]

    def rates(self, now: datetime) -> Rates:
        minutes = sorted(
            (
                window
                for (seconds, start), window in self._windows.items()
                if seconds == LONG_SECONDS and timedelta() <= now - start <= HOUR
            ),
            key=lambda window: window.start,
        )
        return Rates(now=self._now(now), minutes=[_counts(w) for w in minutes], as_of=self._as_of)

    def _now(self, now: datetime) -> Rate | None:
        if self._as_of is None or now - self._as_of > CURRENT_FOR:
            return None
        end = int(now.timestamp()) // SHORT_SECONDS * SHORT_SECONDS
        starts = (end - SHORT_SECONDS * (n + 1) for n in range(SHORT_WINDOWS))
        keys = ((SHORT_SECONDS, datetime.fromtimestamp(start, UTC)) for start in starts)
        found = [self._windows[key] for key in keys if key in self._windows]
        seconds = len(found) * SHORT_SECONDS
        if not seconds:
            return None
        return Rate(
            found=round(sum(w.found for w in found) / seconds, 2),
            files=round(sum(w.stored + w.unchanged + w.failed for w in found) / seconds, 2),
            bytes=round(sum(w.bytes for w in found) / seconds, 1),
        )


def _counts(window: WindowCounted) -> MinuteCounts:
    return MinuteCounts(
        start=window.start,
        found=window.found,
        stored=window.stored,
        unchanged=window.unchanged,
        failed=window.failed,
        bytes=window.bytes,
        failures=window.failures,
    )
