"""What was changed, in order: what changes.list tells."""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

MOST = 200_000  # changes kept; the oldest go first


class ChangeRecord(NamedTuple):
    """One change. `at` is the emulator's time in seconds, `number` counts from 1."""

    number: int
    at: float
    file_id: str


class ChangeLog:
    """Bounded. A page token is the number of the first change that comes after it."""

    def __init__(self, now: Callable[[], float], most: int = MOST) -> None:
        self._now = now
        self._notes: deque[ChangeRecord] = deque(maxlen=most)
        self.next_number = 1

    def add(self, file_id: str) -> None:
        """A file was changed, now."""
        self._notes.append(ChangeRecord(self.next_number, self._now(), file_id))
        self.next_number += 1

    def since(self, token: str, size: int) -> list[ChangeRecord] | None:
        """At most `size` changes from a token on; None for one that was never, or is too old."""
        if not token.isdecimal() or len(token) > 15:
            return None
        start = int(token)
        oldest = self._notes[0].number if self._notes else self.next_number
        if not oldest <= start <= self.next_number:
            return None
        return list(islice(self._notes, start - oldest, start - oldest + size))
