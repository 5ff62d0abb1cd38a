"""How busy a thread is: the part of the time in which it ran, or waited for a processor.

Time that other processes took counts too. A thread that has to wait for a processor is as late as
one that computes.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

WINDOW_SECONDS = 10.0
APART_SECONDS = 0.5
NANO = 1e-9


class ThreadLoad:
    """Of the thread that makes it. Any thread may ask."""

    def __init__(
        self,
        used: Callable[[], float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._used = used or _seconds_of(threading.get_native_id())
        self._clock = clock
        self._seen = deque(
            [(clock(), self._used())], maxlen=2 + int(WINDOW_SECONDS / APART_SECONDS)
        )

    def busy(self) -> float:
        """0 to 1, in about the last ten seconds."""
        now, used = self._clock(), self._used()
        if now - self._seen[-1][0] >= APART_SECONDS:
            self._seen.append((now, used))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()
        since, before = self._seen[0]
        return round(min(1.0, max(0.0, used - before) / (now - since)), 3) if now > since else 0.0


def _seconds_of(thread: int) -> Callable[[], float]:
    """Linux counts both. Elsewhere, the time that the process ran has to do."""
    path = Path(f"/proc/self/task/{thread}/schedstat")

    def scheduled() -> float:
        try:
            ran, waited, *_ = path.read_text().split()
        except (OSError, ValueError):  # the thread has ended
            return 0.0
        return (int(ran) + int(waited)) * NANO

    return scheduled if scheduled() else time.process_time
