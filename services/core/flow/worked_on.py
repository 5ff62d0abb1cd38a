"""Which imports and replays this process has worked on lately, to tell others of it."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

LATELY = 10.0
"""Seconds. An import that has nothing in hand for so long waits, and is not just between files."""
MOST_REMEMBERED = 1_000


class WorkedOn:
    """`note` is called as a message is begun and ended."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def note(self, owner: str) -> None:
        self._seen[owner] = self._clock()
        self._seen.move_to_end(owner)
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)

    def lately(self, *, at_most: int) -> Sequence[str]:
        """The newest first."""
        since = self._clock() - LATELY
        newest = list(reversed(self._seen.items()))[:at_most]
        return [owner for owner, at in newest if owner and at >= since]
