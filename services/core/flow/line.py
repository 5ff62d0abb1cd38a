"""A line to or from an outside system: how much goes over it at once, and how much it carries.

No transfer has a time limit of its own, because on a slow line every transfer takes long. Instead,
fewer go at once: the bytes in flight follow how long a transfer takes, so that it takes about
`AIM_SECONDS` (a gradient limit, like those of Netflix's concurrency-limits). A transfer is given up
only if the line as a whole stands still, or if it lags far behind the others.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from services.core.errors import Corrupt, RateLimited, TryAgain
from services.core.events import Waiting
from services.core.flow.occupancy import within

AIM_SECONDS = 15.0
FIRST_WINDOW, LEAST_WINDOW, MOST_WINDOW = 8 * 1024**2, 1024**2, 1024**3
"""Bytes in flight. Below the least, what takes long is the other side and not the line."""
HALF_LIFE = 20.0
"""Seconds of work after which what was measured counts half."""
SHOWN_AFTER = 5.0
SLOWEST = 16 * 1024
"""Bytes a second that a line is expected to carry before anything was measured."""
SLOWDOWN = 8.0
"""How many times slower a line may become before it counts as standing still."""
MOST_PATIENCE = 8.0
LAGS_AFTER, LAG = 60.0, 16.0
Trouble = tuple[str, str]
"""A reason code and a sentence."""


@dataclass(frozen=True, kw_only=True)
class LineSpec:
    """`name` completes "The line …". `limits` is the reason code when transfers wait for it.

    With `still`, whatever is on its way fails so when the line carries nothing for `patience`
    seconds. With `lagging`, a transfer fails so if it is far slower than the others.
    `window` is the bytes in flight at first.
    """

    name: str
    limits: str
    still: Trouble | None = None
    lagging: Trouble | None = None
    patience: float = 60.0
    window: float = FIRST_WINDOW


@dataclass(eq=False)
class Passage:
    """One transfer on its way. `held` is how much of it is still held here when it was taken."""

    line: "Line"
    size: int
    since: float
    turns_before: float
    held: int
    moved: int = 0
    # A line on which nothing ends because it stands still needs none.
    scope: asyncio.Timeout | None = None

    def move(self, size: int) -> None:
        """To be called as bytes pass, by whoever sees them. Raises `TryAgain` if it lags."""
        before = max(0, self.moved - self.held)
        self.moved += size
        came = max(0, self.moved - self.held) - before
        self.line.carried(came, self.line.since_last_move())
        if (lagging := self.line.spec.lagging) and self.line.lags(self):
            raise TryAgain(*lagging)


class Line:
    """First in, first out: no small transfer passes a large one that waits."""

    def __init__(self, spec: LineSpec) -> None:
        self.spec = spec
        self.window = spec.window
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        self._queue = asyncio.Lock()  # its holder is next
        self._ended = asyncio.Event()
        self._waiting: list[float] = []  # since when; the oldest first
        self._passing: list[Passage] = []
        self.in_flight = 0  # bytes
        self._until, self._patience = 0.0, 1.0
        self._watch: asyncio.TimerHandle | None = None
        self._bytes = self._seconds = 0.0  # what was carried lately, and how long that took
        self._moved_at = 0.0
        self._turns, self._turns_at = 0.0, 0.0  # the seconds of all transfers added up

    @property
    def rate(self) -> float:
        """Bytes a second while there is something to carry; 0.0 before anything was measured."""
        return self._bytes / self._seconds if self._seconds else 0.0

    @property
    def limit(self) -> Waiting | None:
        """What the line carries, while transfers have to wait for it."""
        waiting = self._waiting[:1]
        if not self.rate or not waiting or self._clock() - waiting[0] < SHOWN_AFTER:
            return None
        message = f"The line {self.spec.name} carries {shown_rate(self.rate)}."
        return Waiting(reason=self.spec.limits, message=message)

    def carrying(self, size: int) -> "_Turn":
        """A turn for a transfer with so many bytes in flight at once."""
        return _Turn(self, size)

    async def begin(self, size: int) -> Passage:
        if self._waiting or (self._passing and self.in_flight >= self.window):
            with within(self.spec.limits):
                await self._wait()
        now = self._count_turns()
        if not self._passing:
            self._moved_at = now  # an idle line tells nothing of its rate
        # What is handed over to be sent has not been sent.
        held = size if self.spec.still else 0
        passage = Passage(self, size, now, self._turns, held)
        self._passing.append(passage)
        self.in_flight += size
        self._extend()
        return passage

    async def _wait(self) -> None:
        since = self._clock()
        self._waiting.append(since)
        try:
            async with self._queue:
                while self._passing and self.in_flight >= self.window:
                    self._ended.clear()
                    await self._ended.wait()
        finally:
            self._waiting.remove(since)

    def end(self, passage: Passage, why: BaseException | None) -> None:
        """It has arrived, or why it has not."""
        if why is None:
            self._patience = 1.0
            if not passage.moved:
                self.carried(passage.size, self._share(passage))
            elif passage.held:
                self.carried(min(passage.size, passage.moved), self.since_last_move())
            self._adapt(passage)
        elif isinstance(why, TryAgain) and not isinstance(why, RateLimited | Corrupt):
            self._shrink(passage)
        self._count_turns()
        self._passing.remove(passage)
        self.in_flight -= passage.size
        self._ended.set()

    def carried(self, size: int, seconds: float) -> None:
        """The line took so long for so many bytes. Everything on its way has more time now."""
        kept = 0.5 ** (seconds / HALF_LIFE)
        self._bytes = self._bytes * kept + size
        self._seconds = self._seconds * kept + seconds
        self._extend()

    def since_last_move(self) -> float:
        before, self._moved_at = self._moved_at, self._clock()
        return self._moved_at - before

    def lags(self, passage: Passage) -> bool:
        """Whether it is not the line that makes this transfer slow."""
        seconds = self._clock() - passage.since
        if seconds <= LAGS_AFTER or passage.moved >= SLOWEST * seconds:
            return False
        return passage.moved * LAG < self.rate * self._share(passage)

    def _share(self, passage: Passage) -> float:
        """The seconds of the line that this transfer had, if all had equal shares."""
        seconds = self._count_turns() - passage.since
        turns = self._turns - passage.turns_before
        return seconds * seconds / turns if turns else 0.0

    def _count_turns(self) -> float:
        now = self._clock()
        self._turns += (now - self._turns_at) * len(self._passing)
        self._turns_at = now
        return now

    def _extend(self) -> None:
        if self.spec.still is None:
            return
        pace = max(SLOWEST, self.rate / SLOWDOWN)
        patience = (self.spec.patience + self.in_flight / pace) * self._patience
        self._until = self._clock() + patience
        if self._watch is None or self._watch.when() > self._until:
            self._arm()

    def _arm(self) -> None:
        """One timer for all: to move one for each transfer at each step would cost too much."""
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_at(self._until, self._look)

    def _look(self) -> None:
        self._watch = None
        if not self._passing:
            return
        if self._until - self._clock() > 0.01:  # timers may be early by the clock's resolution
            self._arm()
            return
        self._patience = min(MOST_PATIENCE, self._patience * 2)
        for passage in self._passing:
            if passage.scope is not None and not passage.scope.expired():
                passage.scope.reschedule(0.0)

    def _adapt(self, passage: Passage) -> None:
        """A stream moves more than it has in flight at once: only that part is counted."""
        part = passage.size / max(1, passage.size, passage.moved)
        seconds = (self._clock() - passage.since) * part
        change = AIM_SECONDS / max(seconds, AIM_SECONDS / 2) - 1
        self._resize(self.window + passage.size * max(-0.5, change))

    def _shrink(self, passage: Passage) -> None:
        if self._clock() - passage.since > AIM_SECONDS:
            self._resize(self.window / 2)

    def _resize(self, window: float) -> None:
        self.window = min(MOST_WINDOW, max(LEAST_WINDOW, window))


class _Turn:
    """A class, because a generator would cost several times as much, for each call of each file."""

    __slots__ = ("_line", "_passage", "_size")

    def __init__(self, line: Line, size: int) -> None:
        self._line, self._size = line, size

    async def __aenter__(self) -> Passage:
        self._passage = passage = await self._line.begin(self._size)
        if self._line.spec.still is not None:
            passage.scope = await asyncio.timeout(None).__aenter__()
        return passage

    async def __aexit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: Any
    ) -> None:
        line, passage = self._line, self._passage
        if passage.scope is not None:
            try:
                await passage.scope.__aexit__(kind, why, trace)
            except TimeoutError as late:
                why = late
            if isinstance(why, TimeoutError) and passage.scope.expired():
                still = TryAgain(*line.spec.still or ("", ""))
                line.end(passage, still)
                raise still from why
        line.end(passage, why)


def shown_rate(rate: float) -> str:
    """In decimal units, as lines are sold."""
    if rate >= 999_500:
        return f"{rate / 1e6:.1f} MB/s"
    return f"{rate / 1e3:.0f} kB/s" if rate >= 1e3 else f"{rate:.0f} B/s"
