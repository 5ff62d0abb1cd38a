"""A circuit breaker for one outside system: closed, open, half-open.

A call that ends in a `Stop` opens the breaker: whoever failed waits, and one at a time probes,
after waits that double, until a success closes it. While a `CoolDown` lasts, newcomers wait too.
An item that keeps failing while the system works for others is isolated, so that nobody waits for
it, and then set aside.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from services.core.errors import CoolDown, Outage, SetAside, Stop
from services.core.events import Waiting

T = TypeVar("T")
Tasks = list[asyncio.Task[object] | None]
OnWait = Callable[[Stop, float], None]
Check = Callable[[], Awaitable[bool]]
FIRST_WAIT = 2.0
LONGEST_WAIT = 30.0
LONGEST_COOL_DOWN = 3600.0
MOST_DOUBLINGS = 12
PATIENCE = 4.0
"""Evidence against an item at which it is set aside: some 20 seconds while others succeed."""
OTHERS_SUCCEED = 1.0
SYSTEM_ANSWERS = 0.5  # weaker: it may answer a health check and still fail at all real work


async def unknown() -> bool:
    """The health check of a system that has none."""
    return False


@dataclass(eq=False)
class _Item:
    """One call, and the evidence against it."""

    seen: int  # successes of others
    evidence: float = 0.0
    rounds: int = 0
    failed_while_others_succeeded: bool = False


class CircuitBreaker:
    """`on_wait` hears of each probe's wait, in seconds; `check` says if the system answers.

    A system may answer, and refuse all real work. After `most_on_checks` items in a row were set
    aside with no success between them, a check proves nothing any more.
    """

    def __init__(
        self, on_wait: OnWait, check: Check = unknown, most_on_checks: float = math.inf
    ) -> None:
        self._on_wait = on_wait
        self._check = check
        self._most_on_checks = most_on_checks
        self._waits = 0  # since the last success
        self._successes = 0
        self._given_up = 0  # since the last success
        self._closed = asyncio.Event()
        self._probe = asyncio.Lock()
        self._cool_down: CoolDown | None = None
        self._cool_downs = 0
        self._queue: Tasks = []
        self._probes: Tasks = []
        self._isolated: Tasks = []
        self._stuck: set[_Item] = set()  # isolated, and nobody has succeeded since
        self._why = Waiting(reason="starting", message="")

    @property
    def waiting_for(self) -> Waiting | None:
        """None while nobody waits. A probe does not end the wait by itself."""
        probed = self._probes and not self._closed.is_set()
        return self._why if self._queue or probed or self._stuck else None

    def holds(self, task: asyncio.Task[object]) -> bool:
        return task in self._queue or task in self._isolated

    async def call(self, act: Callable[[], Awaitable[T]], *, patience: float = PATIENCE) -> T:
        """The value of `act()`, called until it raises no `Stop`. Raises `SetAside` too."""
        item = _Item(self._successes)
        try:
            return await self._called(act, item, patience)
        finally:
            self._stuck.discard(item)

    async def _called(self, act: Callable[[], Awaitable[T]], item: _Item, patience: float) -> T:
        probing = False
        while True:
            if self._cool_down is not None and not probing:
                await self._wait_for_probe(self._cool_down)
                probing = True
            admitted = self._cool_downs
            try:
                with _member(self._probes) if probing else nullcontext():
                    value = await act()
            except SetAside:
                self._succeeded(admitted)  # an answer, if not the one hoped for
                raise
            except Stop as why:
                others_succeed = await self._weigh(item, why)
                if item.evidence >= patience:
                    self._given_up += 1
                    raise SetAside(why.reason, why.message).of(why.system) from why
                probing = await self._wait(item, why, others_succeed)
            else:
                self._succeeded(admitted)
                return value

    async def _weigh(self, item: _Item, why: Stop) -> bool:
        """Look for evidence that the item is at fault, and not the system; whether others succeeded
        since it failed the last time."""
        item.rounds += 1
        others_succeed = self._successes > item.seen
        if others_succeed:
            item.evidence += OTHERS_SUCCEED
            item.failed_while_others_succeeded = True
        elif isinstance(why, Outage):
            trusted = self._given_up < self._most_on_checks or item.failed_while_others_succeeded
            if trusted and await self._check():
                item.evidence += SYSTEM_ANSWERS
        elif item.evidence > OTHERS_SUCCEED and self._cool_down is None:
            # It was singled out already, and perhaps nobody is left who could succeed.
            item.evidence += OTHERS_SUCCEED
        elif not isinstance(why, CoolDown):
            item.evidence = 0.0
        item.seen = self._successes
        return others_succeed

    def _succeeded(self, admitted: int) -> None:
        self._successes += 1
        if self._cool_down is not None and admitted < self._cool_downs:
            return  # it was let in before the cool-down began, so it says nothing of now
        self._cool_down = None
        self._waits = self._given_up = 0
        self._stuck.clear()
        self._closed.set()

    async def _wait(self, item: _Item, why: Stop, others_succeed: bool) -> bool:
        """Wait before the next try; whether the next try is the probe of all."""
        cools_down = isinstance(why, CoolDown)
        # One piece of evidence isolates; two behind a cool-down, which may let through older calls.
        if item.evidence > OTHERS_SUCCEED or (item.evidence == OTHERS_SUCCEED and not cools_down):
            if not others_succeed:
                self._stuck.add(item)
                self._why = Waiting(reason=why.reason, message=why.message)
            with _member(self._isolated):
                await asyncio.sleep(self._seconds(why, item.rounds - 1))
            return False
        if isinstance(why, CoolDown):
            self._cool_downs += self._cool_down is None
            self._cool_down = why
        self._closed.clear()
        await self._wait_for_probe(why)
        return True

    async def _wait_for_probe(self, why: Stop) -> None:
        """Return when it is this task's turn to probe, or when somebody else succeeded."""
        if not self._queue:
            self._why = Waiting(reason=why.reason, message=why.message)
        with _member(self._queue), suppress(TimeoutError):
            async with self._probe:
                if self._closed.is_set():
                    return
                seconds = self._seconds(why, self._waits)
                self._waits += 1
                until = datetime.now(UTC) + timedelta(seconds=seconds)
                self._why = Waiting(reason=why.reason, message=why.message, until=until)
                self._on_wait(why, seconds)
                async with asyncio.timeout(seconds):
                    await self._closed.wait()

    def _seconds(self, why: Stop, doublings: int) -> float:
        doubled = 2.0 ** min(doublings, MOST_DOUBLINGS)
        if isinstance(why, CoolDown):
            return min(LONGEST_COOL_DOWN, why.seconds * doubled)
        return min(LONGEST_WAIT, FIRST_WAIT * doubled)


@contextmanager
def _member(tasks: Tasks) -> Iterator[None]:
    """Count the running task among these."""
    task = asyncio.current_task()
    tasks.append(task)
    try:
        yield
    finally:
        tasks.remove(task)
