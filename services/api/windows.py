"""The windows that the monitor publishes, as far as rates are shown from them.

The monitor is a view, and nothing waits for it: while it is silent, no rate of now is known.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from services.api.rates import LiveRates, Rate, Rates, live_rates, minute_counts, rate
from services.core.events import Message, WindowCounted

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SHORT_SECONDS, LONG_SECONDS = 10, 60
SHORT = timedelta(seconds=SHORT_SECONDS)
SHORT_WINDOWS = 3
"""So many windows are summed. `/system` shows those that are over. The streams show the newest, the
open one among them: a rate is of the last 20 to 30 seconds."""
CURRENT_FOR = timedelta(seconds=30)
"""The monitor begins a window every 10 seconds, even if nothing happens."""
NEWEST_RECORDS = 200_000
"""Where a reader of `stats.windows` begins at the earliest."""
OVERALL = tuple(f"all/{seconds}/".encode() for seconds in (SHORT_SECONDS, LONG_SECONDS))
LIVE_FOR = SHORT_WINDOWS * SHORT + CURRENT_FOR
"""How long after its beginning the window of an import can still count."""
Key = TypeVar("Key")
Kept = TypeVar("Kept")


def is_wanted(key: bytes | None) -> bool:
    """Whether a record of `stats.windows` is about all imports together, or about what one import
    does now. Nobody asks for what an import did earlier, which most records of the hour are."""
    key = key or b""
    if key.startswith(OVERALL):
        return True
    parts = key.rsplit(b"/", 2)
    if len(parts) < 3 or parts[1] != b"%d" % SHORT_SECONDS:
        return False
    return parts[2] >= f"{datetime.now(UTC) - LIVE_FOR:%Y-%m-%dT%H:%M:%SZ}".encode()


class WindowCache:
    """The windows of the last hour, about all imports together, and the newest of each import.

    `changed` is called after each window of 10 seconds.
    """

    def __init__(self) -> None:
        self._minutes: dict[datetime, WindowCounted] = {}
        self._short: dict[datetime, dict[str | None, WindowCounted]] = {}
        """By start and import; None stands for all imports together."""
        self._as_of: datetime | None = None
        self.changed: Callable[[], None] = lambda: None

    def apply(self, event: Message) -> None:
        if not isinstance(event, WindowCounted):
            return
        if event.import_id is None:
            self._as_of = max(event.as_of, self._as_of or event.as_of)
        if event.seconds == SHORT_SECONDS:
            is_new = event.start not in self._short
            _keep_newer(self._short.setdefault(event.start, {}), event.import_id, event)
            self.changed()
        elif event.seconds == LONG_SECONDS and event.import_id is None:
            is_new = event.start not in self._minutes
            _keep_newer(self._minutes, event.start, event)
        else:
            return
        if is_new:
            self._forget(max(event.as_of, self._as_of or event.as_of))

    def _forget(self, now: datetime) -> None:
        self._minutes = _near(self._minutes, now, HOUR)
        self._short = _near(self._short, now, 2 * MINUTE)
        for start in sorted(self._short)[:-SHORT_WINDOWS]:
            overall = self._short.pop(start).get(None)
            if overall is not None:
                self._short[start] = {None: overall}

    def rates(self, now: datetime) -> Rates:
        """Of all imports together."""
        minutes = [
            minute_counts(window)
            for start, window in sorted(self._minutes.items())
            if timedelta() <= now - start <= HOUR and not self._broken_off(window)
        ]
        return Rates(now=self._rate(now), minutes=minutes, as_of=self._as_of)

    def _broken_off(self, minute: WindowCounted) -> bool:
        """Whether a monitor ended before the minute did, and the next one began after it."""
        end = minute.start + MINUTE
        return self._as_of is not None and minute.as_of < end <= self._as_of

    def _rate(self, now: datetime) -> Rate | None:
        if self._as_of is None or now - self._as_of > CURRENT_FOR:
            return None
        end = datetime.fromtimestamp(int(now.timestamp()) // SHORT_SECONDS * SHORT_SECONDS, UTC)
        over = [self._short.get(end - SHORT * (n + 1), {}) for n in range(SHORT_WINDOWS)]
        found = [windows[None] for windows in over if None in windows]
        return rate(found) if found else None

    def live_rates(self, import_id: str | None, now: datetime) -> LiveRates | None:
        """Of an import, or of all; None if nobody counts now."""
        newest = {start: self._short[start] for start in sorted(self._short)[-SHORT_WINDOWS:]}
        overall = [windows[None] for windows in newest.values() if None in windows]
        as_of = max((window.as_of for window in overall), default=None)
        if as_of is None or abs(now - as_of) > CURRENT_FOR:
            return None
        begin = max(newest) - (SHORT_WINDOWS - 1) * SHORT
        counted = [
            windows[import_id]
            for start, windows in newest.items()
            if start >= begin and import_id in windows
        ]
        return live_rates(counted, begin, as_of)


def _keep_newer(windows: dict[Key, WindowCounted], key: Key, window: WindowCounted) -> None:
    if window.as_of >= windows.get(key, window).as_of:
        windows[key] = window


def _near(windows: Mapping[datetime, Kept], now: datetime, kept: timedelta) -> dict[datetime, Kept]:
    """Those that began in this time before now, or a minute later or earlier."""
    return {start: it for start, it in windows.items() if -MINUTE <= now - start <= kept + MINUTE}
