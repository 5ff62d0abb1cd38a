"""Which offset of a partition may be committed while work finishes out of order.

Kafka's committed offset is the next one to read: the oldest unfinished one, or the one after the
newest delivered. Offsets have gaps (transaction markers, compaction), so nothing is counted.

What finished behind a slow message, or out of turn, travels in the commit's metadata, so the next
owner does not do it again. The metadata also says whether the owner left in order, which finds a
message that kills.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain, pairwise
from typing import NamedTuple

from services.core.flow.commit_state import (
    ALONE_DEATHS,
    MARGIN,
    SUSPECT_DEATHS,
    CommitState,
)
from services.core.flow.range_set import Range, RangeSet


class History(Enum):
    """What is known of a message from the time before this assignment."""

    NEW = "new"
    REDELIVERED = "redelivered"  # it may have been handled before
    SUSPECT = "suspect"  # and a worker may have died of it: work on it in a small batch
    ISOLATED = "isolated"  # and a worker died over its batch: work on it alone
    CONDEMNED = "condemned"  # workers died while it was worked on alone
    FINISHED = "finished"
    IN_HAND = "in_hand"  # it was begun out of turn, in this assignment


class Commit(NamedTuple):
    offset: int
    metadata: str


@dataclass
class Offsets:
    """One assignment of one partition: offsets arrive ascending, with gaps, finish in any order.

    Some are begun out of turn, before all that lies between. When their turn comes, they are in
    hand or finished. After `end()` nothing is committed: the partition may be another worker's. Not
    thread-safe.
    """

    ended: bool = False
    _unfinished: OrderedDict[int, float] = field(default_factory=OrderedDict)
    _ahead: dict[int, float] = field(default_factory=dict)
    _next: int = 0  # nothing was delivered yet
    _started: int = 0
    _batch: Sequence[int] | None = None
    _alone: int | None = None
    _inherited: CommitState = field(default_factory=CommitState)
    # What is finished, here or before this assignment, and was not delivered in its turn.
    _finished: RangeSet = field(default_factory=RangeSet)
    # From the committed offset on: what earlier owners had begun out of turn; what may be begun in
    # its turn alone; and what no other message may be in hand with.
    _begun: RangeSet = field(default_factory=RangeSet)
    _shunned: RangeSet = field(default_factory=RangeSet)
    _isolated: RangeSet = field(default_factory=RangeSet)
    _sent: Commit | None = None
    _acknowledged: Commit | None = None

    @classmethod
    def resumed(cls, offset: int, metadata: str | None) -> "Offsets":
        state = CommitState.decode(offset, metadata)
        if state is None:
            return cls()
        inherited = state.for_next_owner(offset)
        return cls(
            _started=state.started,
            _inherited=inherited,
            _finished=RangeSet(inherited.finished),
            _begun=RangeSet(inherited.ahead),
            _shunned=RangeSet(inherited.shunned),
            _isolated=RangeSet(inherited.isolated),
        )

    @property
    def next(self) -> int:
        """The offset after the newest that was delivered in its turn; 0 before the first."""
        return self._next

    @property
    def unfinished(self) -> int:
        """Of those delivered in their turn."""
        return len(self._unfinished)

    @property
    def ahead(self) -> int:
        """How many were begun out of turn, and neither finished nor reached."""
        return len(self._ahead)

    @property
    def pieces(self) -> int:
        """In how many ranges what is finished out of turn lies."""
        return len(self._finished)

    @property
    def committable(self) -> int | None:
        """None while nothing was delivered, and after the end."""
        return None if self.ended else next(iter(self._unfinished), self._next or None)

    @property
    def finished_beyond(self) -> int:
        """How many offsets from the committable one on need no more work."""
        low = self.committable
        if low is None:
            return 0
        in_turn = self._next - low - len(self._unfinished)
        return in_turn + sum(b - max(a, self._next) + 1 for a, b in self._finished)

    @property
    def oldest(self) -> float:
        """Since when the oldest one is worked on; infinite if none is."""
        return min(chain(self._unfinished.values(), self._ahead.values()), default=math.inf)

    def has_passed(self, offset: int) -> bool:
        """Whether it was delivered in its turn, or one after it."""
        return offset < self._next

    def begin(self, offset: int) -> History:
        """Note a delivery. What the last owner finished is finished."""
        if self.has_passed(offset):
            raise ValueError(f"offset {offset} was delivered before")
        self._next = offset + 1
        at = math.inf
        if offset in self._ahead:
            history = History.IN_HAND
            at = self._ahead.pop(offset)
            self._started = max(self._started, offset + 1)
        else:
            history = self._history(offset)
        if history is not History.FINISHED:
            self._unfinished[offset] = at
        self._finished.forget_below(self._next)
        return history

    def begin_ahead(self, offset: int) -> History | None:
        """Note that it is begun out of turn. None if it must not be: nothing was delivered in its
        turn yet, so that no commit could tell of it; its turn has come; it is in hand or finished;
        or a worker may have died of it."""
        if not self._next or self.has_passed(offset):
            return None
        if offset in self._ahead or offset in self._shunned:
            return None
        history = self._history(offset)
        if history not in {History.NEW, History.REDELIVERED}:
            return None
        self._ahead[offset] = math.inf
        return history

    def withdraw(self, offset: int) -> None:
        """It was not begun out of turn after all."""
        self._ahead.pop(offset, None)

    def _history(self, offset: int) -> History:
        inherited = self._inherited
        if offset in self._finished:
            return History.FINISHED
        killed, times = inherited.killed or (None, 0)
        if offset == killed and times >= ALONE_DEATHS:
            return History.CONDEMNED
        if offset == killed or offset in self._isolated:
            return History.ISOLATED
        suspect = inherited.deaths >= SUSPECT_DEATHS and offset < inherited.suspect_until
        if suspect or offset in self._shunned:
            return History.SUSPECT
        again = offset < inherited.started or offset in self._begun
        return History.REDELIVERED if again else History.NEW

    def start(self, offset: int, at: float = 0.0) -> None:
        """Note that work on it began at monotonic time `at`."""
        if offset in self._ahead:
            self._ahead[offset] = at
        else:
            self._started = max(self._started, offset + 1)
        if offset in self._unfinished:
            self._unfinished[offset] = at

    def begin_batch(self, offsets: Sequence[int], at: float = 0.0, *, alone: bool = False) -> None:
        """From now on the worker has nothing in hand but a batch of suspects, these and maybe those
        of other partitions. `alone`: it is just one message."""
        for offset in offsets:
            self.start(offset, at)
        self._batch = offsets
        self._alone = next(iter(offsets), None) if alone else None

    def end_batch(self) -> None:
        """From now on it may have anything in hand."""
        self._batch = self._alone = None

    def finish(self, offset: int) -> None:
        """Unknown, repeated and late ones change nothing."""
        self._unfinished.pop(offset, None)
        if self._ahead.pop(offset, None) is not None:
            self._finished.add(offset)

    def due(self, *, leaving: bool = False) -> Commit | None:
        """None where nothing changed since the last one acknowledged.

        `leaving`: the owner gives the partition up in order, so nothing in it is suspect.
        """
        offset = self.committable
        if offset is None:
            return None
        for beyond in (self._begun, self._shunned, self._isolated):
            beyond.forget_below(offset)
        commit = Commit(offset, self._state(offset, leaving).encode(offset))
        if commit == self._acknowledged:
            return None
        self._sent = commit
        return commit

    def acknowledged(self, offset: int, metadata: str) -> None:
        if self._sent == (offset, metadata):
            self._acknowledged = self._sent

    def end(self) -> None:
        self.ended = True
        self._unfinished.clear()
        self._ahead.clear()

    def _state(self, offset: int, leaving: bool) -> CommitState:
        idle = leaving or not (self._unfinished or self._ahead)
        suspect = not leaving and offset < self._inherited.suspect_until
        killed = self._inherited.killed
        # What earlier owners may have begun, less what the next one adds if this one dies.
        before = self._inherited.started - (0 if idle else MARGIN)
        return CommitState(
            finished=tuple(self._finished_ranges()),
            started=max(self._started, offset, before),
            deaths=self._inherited.deaths if suspect else 0,
            suspect_until=self._inherited.suspect_until if suspect else offset,
            alone=self._alone if self._alone in self._unfinished else None,
            idle=idle,
            ahead=tuple(RangeSet([*self._begun, *((each, each) for each in self._ahead)])),
            shunned=tuple(self._shunned),
            killed=killed if killed and killed[0] >= offset and not leaving else None,
            batch=self._in_batch(),
            isolated=() if leaving else tuple(self._isolated),
        )

    def _in_batch(self) -> tuple[Range, ...] | None:
        if self._batch is None:
            return None
        return tuple(RangeSet((each, each) for each in self._batch if each in self._unfinished))

    def _finished_ranges(self) -> list[Range]:
        """Between unfinished offsets everything is finished or does not exist."""
        edges = [*self._unfinished, self._next]
        ranges = [(a + 1, b - 1) for a, b in pairwise(edges) if b - a > 1]
        return [*ranges, *self._finished]
