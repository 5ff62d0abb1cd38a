"""How fast an import goes, and how long it still takes."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from local.show.reports import Report
from local.show.text import duration, size

WINDOW_S = 30.0
LEAST_S = 2.0  # a rate of less time than this is noise
STANDS_STILL = frozenset({"queued", "paused"})


class _Seen(NamedTuple):
    at: float
    files: int
    bytes: int


class Pace:
    """The rate of the last half minute, from the reports that were seen in it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: deque[_Seen] = deque()

    def text(self, report: Report) -> str:
        """`38.1 files/s, 12.0 MB/s, 2 min left`; empty where nothing can be said.

        While more may be found, the time is what is known to be left, and says so.
        """
        now = _Seen(self._clock(), report.handled, report.stored_bytes)
        if self._seen and now.files < self._seen[-1].files:  # a retry began
            self._seen.clear()
        self._seen.append(now)
        while len(self._seen) > 2 and now.at - self._seen[1].at >= WINDOW_S:
            self._seen.popleft()
        then = self._seen[0]
        seconds = now.at - then.at
        if report.final or report.state in STANDS_STILL or seconds < LEAST_S:
            return ""
        files, bytes = (now.files - then.files) / seconds, (now.bytes - then.bytes) / seconds
        rate = f"{files:,.1f} files/s, {size(int(bytes))}/s"
        if not files or report.waiting_for or not report.left:
            return rate
        known = " for the files found so far" if report.total is None else ""
        return f"{rate}, {duration(report.left / files)} left{known}"
