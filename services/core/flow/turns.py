"""In which order work is taken up that waits: by rank, and within a rank each owner in turn. Pure.

The less an import has had, the higher is its rank, and the highest goes first: so a small import is
not held up by a large one. It does not go alone: of every `SHARE` turns, one is for the ranks
below, so nothing waits for ever. See docs/decisions/0044.
"""

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

SHARE = 8
UP_TO = (128, 1_024, 8_192)
"""How many files of an import have the first rank, the second and the third."""
MOST_OWNERS = 10_000
LEAST_PART = 0.001
T = TypeVar("T")


class Rank(IntEnum):
    """The smallest goes first."""

    FIRST = 0
    SECOND = 1
    THIRD = 2
    NORMAL = 3
    BULK = 4


RANKS = tuple(Rank)
"""To go through the members of an enum takes five times as long, for each message."""


class Claim(NamedTuple):
    """Whose work it is, an import or a replay, and its rank."""

    owner: str
    rank: Rank


NOBODYS = Claim("", Rank.NORMAL)
CLAIM: ContextVar[Claim] = ContextVar("claim", default=NOBODYS)
"""Of the work that the running task does."""


class Turns(Generic[T]):
    """A queue. What one owner has in one rank comes first in, first out."""

    def __init__(self) -> None:
        self._ranks: tuple[OrderedDict[str, deque[T]], ...] = tuple(OrderedDict() for _ in Rank)
        self._length = 0
        self._in_a_row = 0  # turns of the highest rank while others waited
        self._others: deque[Rank] = deque(Rank)  # whose turn it is of those below

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        """Everything that waits, in no order."""
        for rank in self._ranks:
            for waiting in rank.values():
                yield from waiting

    def put(self, item: T, claim: Claim) -> None:
        self._ranks[claim.rank].setdefault(claim.owner, deque()).append(item)
        self._length += 1

    def take(self) -> T:
        """Whose turn it is. Raises `IndexError` if nothing waits."""
        rank = self._ranks[self._next_rank()]
        owner, waiting = rank.popitem(last=False)
        item = waiting.popleft()
        if waiting:
            rank[owner] = waiting  # at the end: the others come first
        self._length -= 1
        return item

    def discard(self, item: T, claim: Claim) -> None:
        """Take it out of its turn, if it waits."""
        rank = self._ranks[claim.rank]
        waiting = rank.get(claim.owner, deque())
        if item in waiting:
            waiting.remove(item)
            self._length -= 1
            if not waiting:
                del rank[claim.owner]

    def _next_rank(self) -> Rank:
        filled = [rank for rank in RANKS if self._ranks[rank]]
        if not filled:
            raise IndexError("nothing waits")
        highest, *others = filled
        if not others:
            return highest
        if self._in_a_row < SHARE - 1:
            self._in_a_row += 1
            return highest
        self._in_a_row = 0
        chosen = next(rank for rank in self._others if rank in others)
        self._others.remove(chosen)
        self._others.append(chosen)
        return chosen


class FairQueue(Generic[T]):
    """Turns in which an owner's rank falls as it is served.

    `part` of all work is done here, 0 to 1: what is served here is so much of what is served by all
    workers. Each message counts as `weight` files.
    """

    def __init__(self, part: Callable[[], float] = lambda: 1.0, weight: int = 1) -> None:
        self._part = part
        self._weight = weight
        self._turns = Turns[tuple[str, bool]]()
        self._waiting: dict[tuple[str, bool], deque[T]] = {}
        self._served: OrderedDict[str, int] = OrderedDict()  # whoever is forgotten begins anew

    def __bool__(self) -> bool:
        return bool(self._turns)

    def put(self, item: T, owner: str, *, bulk: bool) -> None:
        key = owner, bulk
        if key in self._waiting:
            self._waiting[key].append(item)
        else:
            self._waiting[key] = deque([item])
            self._turns.put(key, self._claim(*key))

    def take(self) -> tuple[T, Claim]:
        """Raises `IndexError` if nothing waits."""
        key = owner, bulk = self._turns.take()
        claim, waiting = self._claim(*key), self._waiting[key]
        item = waiting.popleft()
        if not bulk:
            self._serve(owner)
        if waiting:
            self._turns.put(key, self._claim(*key))
        else:
            del self._waiting[key]
        return item, claim

    def _serve(self, owner: str) -> None:
        self._served[owner] = self._served.get(owner, 0) + self._weight
        self._served.move_to_end(owner)
        if len(self._served) > MOST_OWNERS:
            self._served.popitem(last=False)

    def _claim(self, owner: str, bulk: bool) -> Claim:
        if bulk:
            return Claim(owner, Rank.BULK)
        served = self._served.get(owner, 0) / max(self._part(), LEAST_PART)
        return Claim(owner, RANKS[bisect_right(UP_TO, served)])
