"""When nothing can work: wait loudly, try again, lose nothing.

One item at a time tries, the others wait behind it; the first success lets all of them go on. After
a `CoolDown` nobody else knocks at all: also who comes new waits for its turn to be the one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from services.core.errors import CoolDown, SetAside, Stop, TryAgain

T = TypeVar("T")
Tell = Callable[[Stop, float], None]
FIRST_WAIT = 2.0
LONGEST_WAIT = 30.0
LONGEST_COOL_DOWN = 3600.0
ALONE_AT_MOST = 5
"""Stops in a row of one item, others succeeding between any two: about a minute with the waits."""
MOST_DOUBLINGS = 12
STEP = 0.25
TURN_SECONDS = 1.0
"""How long who waits behind another may overlook that it is asked to leave."""


def always() -> bool:
    """For what nobody else will ever do."""
    return True


def for_all(why: SetAside) -> Stop:
    """What is no one item's trouble, as a wait of all: for as long as the other side asked for,
    where we would knock again sooner."""
    asked = why.__cause__.retry_after if isinstance(why.__cause__, TryAgain) else None
    if asked is not None and asked > LONGEST_WAIT:
        return CoolDown(why.reason, why.message, asked)
    return Stop(why.reason, why.message)


async def nap(seconds: float, alive: Callable[[], bool]) -> None:
    """Sleep in small steps: who is asked to leave must not sleep through the drain."""
    until = time.monotonic() + seconds
    while alive():
        left = until - time.monotonic()
        if left <= 0:
            return
        await asyncio.sleep(min(left, STEP))


class Standstill:
    """What the process waits for, if for anything. Waits in seconds, doubling up to the longest.

    `tell` hears of every wait before it begins: why, and for how many seconds.
    """

    def __init__(
        self, tell: Tell, first_wait: float = FIRST_WAIT, longest_wait: float = LONGEST_WAIT
    ) -> None:
        self._tell = tell
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._waits = 0  # since the last success
        self._works = asyncio.Event()
        self._successes = 0
        self._turn = asyncio.Lock()
        self._wall: CoolDown | None = None
        self._walls = 0
        self._why = ""
        self._held: set[object] = set()

    @property
    def waiting_for(self) -> str | None:
        """Why somebody waits; None where nobody does, as when all who did were asked to leave."""
        return self._why if self._held else None

    async def outlast(
        self, act: Callable[[], Awaitable[T]], *, alive: Callable[[], bool] = always
    ) -> T | None:
        """The value of `act()`, called until it raises no `Stop`; None once nobody waits for it.

        Raises `SetAside` for what is stopped again and again while others succeed in between: then
        it is the item that cannot work, and not everything.
        """
        item = object()
        try:
            return await self._outlast(act, alive, item)
        finally:
            self._held.discard(item)

    async def _outlast(
        self, act: Callable[[], Awaitable[T]], alive: Callable[[], bool], item: object
    ) -> T | None:
        alone, seen, its_turn = 0, self._successes, False
        while alive():
            if self._wall is not None and not its_turn:
                await self._pause(self._wall, alive, item)
                its_turn = True
                continue
            walls = self._walls
            try:
                value = await act()
            except SetAside:
                self._succeeded(walls)  # an answer, if not the one that was hoped for
                raise
            except Stop as why:
                alone, seen = self._alone(why, alone, seen), self._successes
                if alone >= ALONE_AT_MOST:
                    raise SetAside(why.reason, why.message) from why
                its_turn = await self._wait_out(why, alone, alive, item)
            else:
                self._succeeded(walls)
                return value
        return None

    async def passed(self, check: Callable[[], Awaitable[None]]) -> None:
        """Return once `check()` raises no `Stop`."""
        await self.outlast(check)

    def _alone(self, why: Stop, alone: int, seen: int) -> int:
        """How often it was stopped while others succeeded; behind a wall none had the chance to.

        Who was singled out so waits by itself, and nobody may be left to succeed meanwhile: unless
        others are shut out too, it goes on counting, or it would never end.
        """
        if self._successes > seen or (alone > 1 and self._wall is None):
            return alone + 1
        return alone if isinstance(why, CoolDown) else 0

    def _succeeded(self, walls: int) -> None:
        self._successes += 1
        if self._wall is not None and walls < self._walls:
            return  # it was let in before the wall came down: that says nothing of now
        self._wall = None
        self._waits = 0
        self._held.clear()
        self._works.set()

    async def _wait_out(
        self, why: Stop, alone: int, alive: Callable[[], bool], item: object
    ) -> bool:
        """Whether it waited for its turn. What others pass waits by itself, and stops nobody; a
        wall may let through what came before, so there it takes two in a row to tell."""
        if isinstance(why, CoolDown):
            if alone > 1:
                await nap(min(LONGEST_COOL_DOWN, why.seconds * 2.0 ** (alone - 1)), alive)
                return False
            if self._wall is None:
                self._walls += 1
            self._wall = why
        elif alone:
            await nap(min(self._longest_wait, self._first_wait * 2.0**alone), alive)
            return False
        await self._pause(why, alive, item)
        return True

    async def _pause(self, why: Stop, alive: Callable[[], bool], item: object) -> None:
        self._works.clear()
        self._why = why.message
        self._held.add(item)
        if not await self._has_turn(alive):
            return
        try:
            await self._sit_out(why, alive)
        finally:
            self._turn.release()

    async def _has_turn(self, alive: Callable[[], bool]) -> bool:
        """False for who is asked to leave before its turn: behind a wall that may take an hour."""
        while alive():
            with suppress(TimeoutError):
                async with asyncio.timeout(TURN_SECONDS):
                    return await self._turn.acquire()
        return False

    async def _sit_out(self, why: Stop, alive: Callable[[], bool]) -> None:
        if self._works.is_set() or not alive():
            return
        seconds = self._next_wait(why)
        self._tell(why, seconds)
        until = time.monotonic() + seconds
        while alive() and not self._works.is_set() and (left := until - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, STEP)):
                    await self._works.wait()

    def _next_wait(self, why: Stop) -> float:
        doubled = 2.0 ** min(self._waits, MOST_DOUBLINGS)
        self._waits += 1
        if isinstance(why, CoolDown):
            return min(LONGEST_COOL_DOWN, why.seconds * doubled)
        return min(self._longest_wait, self._first_wait * doubled)
