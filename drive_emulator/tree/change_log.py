"""What was changed, in order, for changes.list."""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

MAX_CHANGES = 200_000  # kept; the oldest are dropped


class ChangeRecord(NamedTuple):
    """One change. `at` is the emulator's time in seconds; `number` counts from 1."""

    number: int
    at: float
    file_id: str


class ChangeLog:
    """A page token is the number of the first change that follows."""

    def __init__(self, now: Callable[[], float], limit: int = MAX_CHANGES) -> None:
        self._now = now
        self._records: deque[ChangeRecord] = deque(maxlen=limit)
        self.next_number = 1

    def add(self, file_id: str) -> None:
        """Record that a file was changed now."""
        self._records.append(ChangeRecord(self.next_number, self._now(), file_id))
        self.next_number += 1

    def since(self, token: str, size: int) -> list[ChangeRecord] | None:
        """At most `size` changes from a token on; None if it is unknown or too old."""
        if not token.isdecimal() or len(token) > 15:
            return None
        start = int(token)
        oldest = self._records[0].number if self._records else self.next_number
        if not oldest <= start <= self.next_number:
            return None
        return list(islice(self._records, start - oldest, start - oldest + size))
