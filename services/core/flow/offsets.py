"""Which offset of a partition may be committed while work finishes out of order.

Kafka's committed offset is the next one to read: the oldest unfinished one, or the one after the
newest delivered. Offsets have gaps (transaction markers, compaction), so nothing is counted.

What finished behind a slow message travels in the commit's metadata, so the next owner does not do
it again. The metadata also says whether the owner left in order, which finds a message that kills.
"""

import base64
import zlib
from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import accumulate, chain, pairwise
from typing import Literal, NamedTuple

import msgspec

LONGEST_METADATA = 3_500
"""Characters. A broker takes 4,096 (`offset.metadata.max.bytes`)."""
MARGIN = 128
"""Messages that may be started between two commits: 500 a second at four commits a second."""
SUSPECT_DEATHS = 3
"""Deaths over one stretch of the log after which its messages are worked on one at a time."""

Range = tuple[int, int]
"""First and last offset, both included."""
Packed = tuple[Literal[1], int, int, int, int | None, bool, list[int]]
"""A version, and the fields of `CommitState`: the ranges as distances from edge to edge."""


@dataclass(frozen=True)
class CommitState:
    """What a commit says beyond its offset.

    `started` is the offset after the newest message that may have been started. `deaths` counts
    how often in a row a worker died before the commit reached `suspect_until`. `alone` is the
    message that was worked on alone. `idle`: nothing was in hand, so a death proves nothing.
    """

    finished: tuple[Range, ...] = ()
    started: int = 0
    deaths: int = 0
    suspect_until: int = 0
    alone: int | None = None
    idle: bool = True

    def encode(self, offset: int) -> str:
        """The metadata of a commit at `offset`. Ranges that do not fit are left out."""
        steps = [b - a for a, b in pairwise([offset, *chain.from_iterable(self.finished)])]
        packed = 1, self.started, self.deaths, self.suspect_until, self.alone, self.idle, steps
        text = base64.b85encode(zlib.compress(msgspec.json.encode(packed), 1)).decode()
        if len(text) <= LONGEST_METADATA:
            return text
        return replace(self, finished=self.finished[: len(self.finished) // 2]).encode(offset)

    def for_next_owner(self, offset: int) -> "CommitState":
        """What the next owner must assume: a death, unless idle."""
        started = max(self.started, offset)
        if self.idle:
            return CommitState(finished=self.finished, started=started)
        started += MARGIN
        suspect_until = max(self.suspect_until, started)
        return replace(self, started=started, deaths=self.deaths + 1, suspect_until=suspect_until)

    @classmethod
    def decode(cls, offset: int, metadata: str | None) -> "CommitState | None":
        """What an earlier owner left; None where it left nothing that can be read."""
        try:
            text = zlib.decompress(base64.b85decode(metadata or ""))
            _, started, deaths, until, alone, idle, steps = msgspec.json.decode(text, type=Packed)
            _, *edges = accumulate(steps, initial=offset)
            finished = tuple(zip(edges[::2], edges[1::2], strict=True))
        except (ValueError, zlib.error):
            return None
        return cls(finished, started, deaths, until, alone, idle)


class History(Enum):
    """What is known of a message from the time before this assignment."""

    NEW = "new"
    REDELIVERED = "redelivered"  # it may have been handled before
    SUSPECT = "suspect"  # and a worker may have died of it: work on it alone
    CONDEMNED = "condemned"  # a worker died while it was worked on alone
    FINISHED = "finished"


class Commit(NamedTuple):
    offset: int
    metadata: str


@dataclass
class Offsets:
    """One assignment of one partition: offsets arrive ascending, with gaps, finish in any order.

    After `end()` nothing is committed: the partition may be another worker's. Not thread-safe.
    """

    ended: bool = False
    _unfinished: OrderedDict[int, float] = field(default_factory=OrderedDict)
    _next: int = 0  # nothing was delivered yet
    _started: int = 0
    _alone: int | None = None
    _inherited: CommitState = CommitState()
    _inherited_finished: deque[Range] = field(default_factory=deque)
    _sent: Commit | None = None
    _acknowledged: Commit | None = None

    @classmethod
    def resumed(cls, offset: int, metadata: str | None) -> "Offsets":
        state = CommitState.decode(offset, metadata)
        if state is None:
            return cls()
        inherited, finished = state.for_next_owner(offset), deque(state.finished)
        return cls(_started=state.started, _inherited=inherited, _inherited_finished=finished)

    @property
    def unfinished(self) -> int:
        return len(self._unfinished)

    @property
    def committable(self) -> int | None:
        """None while nothing was delivered, and after the end."""
        return None if self.ended else next(iter(self._unfinished), self._next or None)

    @property
    def oldest(self) -> float | None:
        """When the oldest unfinished one was delivered."""
        return next(iter(self._unfinished.values()), None)

    def has_passed(self, offset: int) -> bool:
        """Whether it was delivered, or one after it."""
        return offset < self._next

    def begin(self, offset: int, at: float = 0.0) -> History:
        """Note a delivery at monotonic time `at`. What the last owner finished is finished."""
        if self.has_passed(offset):
            raise ValueError(f"offset {offset} was delivered before")
        self._next = offset + 1
        history = self._history(offset)
        if history is not History.FINISHED:
            self._unfinished[offset] = at
        return history

    def _history(self, offset: int) -> History:
        finished, inherited = self._inherited_finished, self._inherited
        while finished and finished[0][1] < offset:
            finished.popleft()
        if finished and finished[0][0] <= offset:
            return History.FINISHED
        if offset == inherited.alone:
            return History.CONDEMNED
        if inherited.deaths >= SUSPECT_DEATHS and offset < inherited.suspect_until:
            return History.SUSPECT
        return History.REDELIVERED if offset < inherited.started else History.NEW

    def start(self, offset: int, *, alone: bool = False) -> None:
        self._started = max(self._started, offset + 1)
        self._alone = offset if alone else None

    def finish(self, offset: int) -> None:
        """Unknown, repeated and late ones change nothing."""
        self._unfinished.pop(offset, None)
        if self._alone == offset:
            self._alone = None

    def due(self, *, leaving: bool = False) -> Commit | None:
        """None where nothing changed since the last one acknowledged.

        `leaving`: the owner gives the partition up in order, so nothing in it is suspect.
        """
        offset = self.committable
        if offset is None:
            return None
        commit = Commit(offset, self._state(offset, leaving).encode(offset))
        if commit == self._acknowledged:
            return None
        self._sent = commit
        return commit

    def acknowledged(self, offset: int) -> None:
        if self._sent is not None and self._sent.offset == offset:
            self._acknowledged = self._sent

    def end(self) -> None:
        self.ended = True
        self._unfinished.clear()

    def _state(self, offset: int, leaving: bool) -> CommitState:
        idle = leaving or not self._unfinished
        suspect = not idle and offset < self._inherited.suspect_until
        return CommitState(
            finished=tuple(self._finished_ranges()),
            started=max(self._started, offset),
            deaths=self._inherited.deaths if suspect else 0,
            suspect_until=self._inherited.suspect_until if suspect else offset,
            alone=self._alone,
            idle=idle,
        )

    def _finished_ranges(self) -> list[Range]:
        """Between unfinished offsets everything is finished or does not exist."""
        edges, inherited = [*self._unfinished, self._next], self._inherited_finished
        ranges = [(a + 1, b - 1) for a, b in pairwise(edges) if b - a > 1]
        return ranges + [(max(a, self._next), b) for a, b in inherited if b >= self._next]
