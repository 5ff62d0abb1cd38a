"""The emulator's clock: the real time, plus what tests have added to it."""

import time
from collections.abc import Callable

from drive_emulator.validation import InvalidInput

MAX_STEP_S = 10 * 366 * 86_400


class Clock:
    """Seconds since 1970, never backwards.

    Access tokens, page tokens, quotas and the time limits of fault rules use it.
    """

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        # Read once and counted on from there: a correction of the system clock changes nothing.
        self._offset = time.time() - ticks()

    def now(self) -> float:
        return self._ticks() + self._offset

    def advance(self, seconds: float) -> None:
        """Move forwards at once; raises `InvalidInput` outside 0 to ten years."""
        if not 0 <= seconds <= MAX_STEP_S:
            raise InvalidInput(f"a clock goes forwards, by at most {MAX_STEP_S:,} seconds")
        self._offset += seconds
