"""How fast files are found and stored, as sums over windows of the monitor."""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct

from services.core.events import WindowCounted


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


class LiveRates(Struct, frozen=True, kw_only=True):
    """What happened in the last `seconds` before `as_of`, a second."""

    as_of: datetime
    seconds: float
    found_per_second: float
    stored_per_second: float
    failed_per_second: float
    bytes_per_second: float


def rate(windows: Collection[WindowCounted]) -> Rate:
    """Of windows that are over, at least one."""
    seconds = sum(w.seconds for w in windows)
    return Rate(
        found=round(sum(w.found for w in windows) / seconds, 2),
        files=round(sum(w.stored + w.unchanged + w.failed for w in windows) / seconds, 2),
        bytes=round(sum(w.bytes for w in windows) / seconds, 1),
    )


def minute_counts(window: WindowCounted) -> MinuteCounts:
    return MinuteCounts(
        start=window.start,
        found=window.found,
        stored=window.stored,
        unchanged=window.unchanged,
        failed=window.failed,
        bytes=window.bytes,
        failures=window.failures,
    )


def live_rates(windows: Collection[WindowCounted], begin: datetime, as_of: datetime) -> LiveRates:
    """Of all windows since `begin`, the open one among them."""
    seconds = max((as_of - begin).total_seconds(), 1.0)
    return LiveRates(
        as_of=as_of,
        seconds=round(seconds, 1),
        found_per_second=round(sum(w.found for w in windows) / seconds, 2),
        stored_per_second=round(sum(w.stored for w in windows) / seconds, 2),
        failed_per_second=round(sum(w.failed for w in windows) / seconds, 2),
        bytes_per_second=round(sum(w.bytes for w in windows) / seconds, 2),
    )
