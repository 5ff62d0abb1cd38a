"""What to take of a partition out of turn, and where to read it. Pure; see decisions/0044.

A second reader goes through the backlog of a partition before its turn comes. It *scans* each
message once. The first messages of an import that it meets are taken at once. Where it may take no
more of an import, it leaves a cursor. Whenever little of that import is in hand, it goes back to
the cursor and takes more, and then it returns to where its scan was.

So each import has a position of its own in one log. What is passed over is not lost: it is done in
its turn.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from services.core.flow.offsets import Offsets

MOST = 256
"""Messages of one partition that may be in hand out of turn."""
MOST_OF_ONE, FEW_OF_ONE = 64, 32
"""So many of one import; and at so many more are taken."""
MOST_PIECES = 256
"""Ranges of finished messages, which a commit must hold (`commit_state.py`)."""
MOST_CURSORS = 500
NEAR = 500
"""At so many messages before its end a partition counts as scanned."""


@dataclass
class Cursor:
    """The next message of an import that was not looked at, and the last that was scanned."""

    next: int
    last: int


@dataclass
class Lookahead:
    """Of one partition, from the offset `scanned` on, in one assignment."""

    offsets: Offsets
    scanned: int
    _position: int = field(init=False)  # the next message that the reader has to bring
    _goes_back: bool = False  # to where the scan was
    _in_hand: Counter[str] = field(default_factory=Counter)
    _cursors: OrderedDict[str, Cursor] = field(default_factory=OrderedDict)
    _serves: str | None = None

    def __post_init__(self) -> None:
        self._position = self.scanned

    @property
    def is_needed(self) -> bool:
        """Whether the reader is ahead of what is read in turn, or just there."""
        return self.offsets.next <= self.scanned

    def takes(self, offset: int, owner: str, *, bulk: bool, in_turn: bool) -> bool:
        """Whether the message that the reader has brought is to be begun now. `in_turn`: others of
        its owner are in hand in their turn, which are enough."""
        if offset < self._position:  # fetched before the reader went on elsewhere
            return False
        self._position = offset + 1
        if self._serves is not None:
            return self._takes_of_served(offset, owner, in_turn=in_turn)
        self.scanned = offset + 1
        if bulk:
            return False
        cursor = self._cursors.get(owner)
        if cursor is not None:
            cursor.last = offset
        elif not in_turn and self._room(owner):
            return True
        elif len(self._cursors) < MOST_CURSORS:
            self._cursors[owner] = Cursor(offset, offset)
        return False

    def begun(self, owner: str) -> None:
        self._in_hand[owner] += 1

    def finished(self, owner: str) -> None:
        self._in_hand[owner] -= 1
        if self._in_hand[owner] <= 0:
            del self._in_hand[owner]

    def turn_to(self, end: int, in_turn: Counter[str]) -> int | None:
        """Where the reader has to go next; None if it reads on. `end` is the end of the log."""
        if self._serves is not None:
            return None
        self._drop_passed()
        if self.scanned + NEAR >= end:
            for owner, cursor in self._cursors.items():
                few = self._in_hand[owner] <= FEW_OF_ONE
                if few and not in_turn[owner] and self._room(owner):
                    self._serves = owner
                    self._cursors.move_to_end(owner)
                    self._goes_back, self._position = False, cursor.next
                    return cursor.next
        if self._goes_back:
            self._goes_back = False
            return self.scanned
        return None

    def _takes_of_served(self, offset: int, owner: str, *, in_turn: bool) -> bool:
        served = self._serves or ""
        cursor = self._cursors[served]
        takes = owner == served and not in_turn and self._room(owner)
        stays = owner != served or takes
        cursor.next = offset + 1 if stays else offset
        if cursor.next > cursor.last:
            del self._cursors[served]
        if cursor.next > cursor.last or not stays:
            self._serves, self._goes_back, self._position = None, True, self.scanned
        return takes

    def _drop_passed(self) -> None:
        reached = self.offsets.next
        for owner in [name for name, cursor in self._cursors.items() if cursor.last < reached]:
            del self._cursors[owner]
        for cursor in self._cursors.values():
            cursor.next = max(cursor.next, reached)

    def _room(self, owner: str) -> bool:
        offsets = self.offsets
        return (
            self._in_hand[owner] < MOST_OF_ONE
            and offsets.ahead < MOST
            and offsets.pieces < MOST_PIECES
        )
