"""Which outcome of a file counts, of several. Pure; see decisions/0002 and 0014."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from services.core import events as e

State = Literal["failed", "unchanged", "stored"]
RANK: dict[State, int] = {"failed": 0, "unchanged": 1, "stored": 2}


def state_of(event: e.Outcome) -> State:
    if isinstance(event, e.FileFailed):
        return "failed"
    return "unchanged" if event.unchanged else "stored"


def order(event: e.Outcome) -> tuple[int, int, int]:
    """The greatest counts: Drive's version, the rank, the round."""
    version = event.file.version if event.file else 0
    return version, RANK[state_of(event)], event.round


class Counting(NamedTuple):
    """The outcome that counts: the greatest, as in the indexer's rows."""

    order: tuple[int, int, int]
    at: datetime
    offset: int
    state: State
    reason: str


@dataclass(slots=True)
class FileFacts:
    """What the log says of one file in one import.

    `found` is the version, the round and the offset of the `FileFound` that counts: the newest, and
    of one that was found in several folders that of the smallest `folder_id`, as in the rows.
    `tried` is the highest round of any outcome.
    """

    found: tuple[int, int, int] | None = None
    folder_id: str = ""
    outcome: Counting | None = None
    tried: int = -1

    def take(self, event: e.FileFound | e.Outcome, offset: int) -> None:
        """Take an event, in any order and any number of times."""
        if isinstance(event, e.FileFound):
            self._find(event, offset)
            return
        if isinstance(event, e.FileFailed):
            at, reason = event.failed_at, event.reason
        else:
            at, reason = event.stored_at, ""
        outcome = Counting(order(event), at, offset, state_of(event), reason)
        self.outcome = max(self.outcome or outcome, outcome)
        self.tried = max(self.tried, event.round)

    def _find(self, event: e.FileFound, offset: int) -> None:
        found = event.version, event.round, offset
        if self.found is not None:
            known, other = self.found[:2], found[:2]
            if other < known or (other == known and event.folder_id > self.folder_id):
                return
            if other == known and event.folder_id == self.folder_id:
                found = max(found, self.found)
        self.found, self.folder_id = found, event.folder_id

    @property
    def state(self) -> State | None:
        """None while there is no outcome."""
        return None if self.outcome is None else self.outcome.state

    def pending(self, retry_round: int = 0) -> bool:
        """Whether it waits for an outcome: it has none, or it failed before the retry of that
        round."""
        return self.state is None or (self.state == "failed" and self.tried < retry_round)
