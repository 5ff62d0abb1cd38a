"""How much of a partition a consumer has in hand, and how often it commits."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A partition is paused at `high` unfinished messages, and resumed at `low`. `drain_seconds`
    bounds the wait for work in hand when it goes or the process stops. A killed worker's successor
    may repeat what it finished within `commit_every_seconds`. With `looks_ahead`, each import
    has its turn, wherever its messages lie in a backlog."""

    high: int = 200
    low: int = 100
    drain_seconds: float = 5.0
    commit_every_seconds: float = 0.25
    looks_ahead: bool = False

    def pauses(self, unfinished: int, *, paused: bool) -> bool:
        return unfinished > self.low if paused else unfinished >= self.high
