"""In which order work is taken up that waits: by rank, and within a rank each owner in turn. Pure.

A higher rank goes first, but not alone: of every `SHARE` turns, the ranks below get one. So a small
import is not held up by a large one, and nothing waits for ever. See docs/decisions/0044.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextvars import ContextVar
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

SHARE = 8
FIRST = 1_000
"""So many messages of an owner go first: those of a whole small import, or the start of a big
one."""
MOST_OWNERS = 10_000
T = TypeVar("T")


class Rank(IntEnum):
    """The smallest goes first."""

    FIRST = 0
    NORMAL = 1
    BULK = 2


class Claim(NamedTuple):
    """Whose work it is, an import or a replay, and its rank."""

    owner: str
    rank: Rank


NOBODYS = Claim("", Rank.NORMAL)
CLAIM: ContextVar[Claim] = ContextVar("claim", default=NOBODYS)
"""Of the work that the running task does."""


class Attained:
    """How much work each owner has had here. It remembers the last `MOST_OWNERS`; whoever is
    forgotten begins anew."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()

    def claim(self, owner: str, *, bulk: bool) -> Claim:
        """Count one message; the rank that it has."""
        if bulk:
            return Claim(owner, Rank.BULK)
        count = self._counts.get(owner, 0)
        self._counts[owner] = count + 1
        self._counts.move_to_end(owner)
        if len(self._counts) > MOST_OWNERS:
            self._counts.popitem(last=False)
        return Claim(owner, Rank.FIRST if count < FIRST else Rank.NORMAL)


class Turns(Generic[T]):
    """A queue. What one owner has in one rank comes first in, first out."""

    def __init__(self) -> None:
        self._ranks: tuple[OrderedDict[str, deque[T]], ...] = tuple(OrderedDict() for _ in Rank)
        self._in_a_row = [0] * len(self._ranks)
        self._length = 0

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
        rank = self._next_rank()
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

    def _next_rank(self) -> OrderedDict[str, deque[T]]:
        filled = [number for number, rank in enumerate(self._ranks) if rank]
        if not filled:
            raise IndexError("nothing waits")
        for number in filled[:-1]:
            if self._in_a_row[number] < SHARE - 1:
                self._in_a_row[number] += 1
                return self._ranks[number]
            self._in_a_row[number] = 0
        return self._ranks[filled[-1]]
