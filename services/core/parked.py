"""When files are fetched again that Google withheld since too many people fetched them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.core.settings import Reader

QUOTA_LASTS = timedelta(hours=24)
"""How long Google withholds such a file (`drive-api.md` §1.7)."""
GIVEN_UP_AFTER = timedelta(days=14)
"""So long after the import was requested, nothing is fetched again by itself."""


@dataclass(frozen=True)
class ParkedFiles:
    """The indexer acts on this, and the API announces it."""

    retry_after: timedelta = QUOTA_LASTS

    @classmethod
    def read(cls, reader: Reader) -> "ParkedFiles":
        longest = int(GIVEN_UP_AFTER.total_seconds())
        usual = int(QUOTA_LASTS.total_seconds())
        return cls(timedelta(seconds=reader.number("PARKED_RETRY_SECONDS", usual, 1, longest)))

    @property
    def longest(self) -> timedelta:
        """From the request to the end of the last import whose files are fetched again."""
        return GIVEN_UP_AFTER - self.retry_after

    def due_at(self, requested_at: datetime, finished_at: datetime) -> datetime | None:
        """When the parked files of an ended import are fetched again; None for never."""
        is_late = finished_at - requested_at > self.longest
        return None if is_late else finished_at + self.retry_after
