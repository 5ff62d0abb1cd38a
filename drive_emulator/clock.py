"""The emulator's time: the real one, and what tests have added to it."""

import time
from collections.abc import Callable

MAX_STEP_S = 10 * 366 * 86_400


class Clock:
    """Seconds since 1970, never backwards. Tokens, quotas, windows and sticky faults go by it."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        # Counted on from one reading, so that a correction of the machine's clock moves nothing.
        self._offset = time.time() - ticks()

    def now(self) -> float:
        return self._ticks() + self._offset

    def advance(self, seconds: float) -> None:
        """Let that much time have passed; raises `ValueError` outside 0 to ten years."""
        if not 0 <= seconds <= MAX_STEP_S:
            raise ValueError(f"a clock goes forwards, and by {MAX_STEP_S:,} seconds at most")
        self._offset += seconds
