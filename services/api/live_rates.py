"""How fast files are found and stored now: the newest windows of the monitor, summed.

The monitor is a view, and nothing waits for it: while it is silent, no rate is known.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from services.core.events import Message, WindowCounted

WINDOW = timedelta(seconds=10)
WINDOWS = 3
"""So many windows are summed, the open one among them: a rate is of the last 20 to 30 seconds."""
SILENT_AFTER = timedelta(seconds=30)
"""The monitor begins a window every 10 seconds, even if nothing happens."""
NEWEST_RECORDS = 2_000


class Rates(Struct, frozen=True, kw_only=True):
    """What happened in the last `seconds` before `as_of`, a second."""

    as_of: datetime
    seconds: float
    found_per_second: float
    stored_per_second: float
    failed_per_second: float
    bytes_per_second: float


class RateCache:
    """The newest windows of each import, and of all under None. `changed` is called after each."""

    def __init__(self) -> None:
        self._by_start: dict[datetime, dict[str | None, WindowCounted]] = {}
        self.changed: Callable[[], None] = lambda: None

    def apply(self, event: Message) -> None:
        if not isinstance(event, WindowCounted) or event.seconds != WINDOW.seconds:
            return
        known = self._by_start.setdefault(event.start, {})
        if event.as_of >= known.get(event.import_id, event).as_of:
            known[event.import_id] = event
        newest = sorted(self._by_start)[-WINDOWS:]
        self._by_start = {start: self._by_start[start] for start in newest}
        self.changed()

    def of(self, import_id: str | None, now: datetime) -> Rates | None:
        """Of an import, or of all; None if nobody counts now."""
        overall = [found[None] for found in self._by_start.values() if None in found]
        as_of = max((window.as_of for window in overall), default=None)
        if as_of is None or abs(now - as_of) > SILENT_AFTER:
            return None
        begin = max(self._by_start) - (WINDOWS - 1) * WINDOW
        counted = [
            found[import_id]
            for start, found in self._by_start.items()
            if start >= begin and import_id in found
        ]
        seconds = max((as_of - begin).total_seconds(), 1.0)
        return Rates(
            as_of=as_of,
            seconds=round(seconds, 1),
            found_per_second=_rate(sum(w.found for w in counted), seconds),
            stored_per_second=_rate(sum(w.stored for w in counted), seconds),
            failed_per_second=_rate(sum(w.failed for w in counted), seconds),
            bytes_per_second=_rate(sum(w.bytes for w in counted), seconds),
        )


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 2)
