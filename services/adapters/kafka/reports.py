"""Delivery reports on their way from the producer's poll thread to the tasks that wait for them.

The thread hands over whatever one poll brought together: the event loop is woken once for all of
it, and one timer watches over everything that waits. Both cost more than the rest of a publish
(decisions/0043).
"""

import asyncio
from collections import deque

from confluent_kafka import KafkaError


class Awaited:
    """The reports of one publish, for the block that makes it. `acknowledged` is done when the last
    of them is there."""

    __slots__ = ("_done", "_left", "acknowledged", "error", "until")

    def __init__(
        self, acknowledged: asyncio.Future[None], records: int, until: float, done: "deque[Awaited]"
    ) -> None:
        self.acknowledged = acknowledged
        self.until = until
        self.error: KafkaError | None = None
        self._left = records
        self._done = done

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_why: object) -> None:
        self.acknowledged.cancel()  # if nobody will ask for it any more

    def raise_if_late(self) -> None:
        if self.acknowledged.done():
            self.acknowledged.result()

    def report(self, error: KafkaError | None, _message: object) -> None:
        """On the poll thread."""
        self.error = self.error or error
        self._left -= 1
        if not self._left:
            self._done.append(self)


class Reports:
    """Of one producer, for one event loop. `timeout` (seconds): librdkafka reports every record in
    its own time limit, so whoever waits longer would wait for ever."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: deque[Awaited] = deque()
        self._waiting: deque[Awaited] = deque()  # the oldest first; some are done
        self._watch: asyncio.TimerHandle | None = None

    def awaited(self, records: int) -> Awaited:
        """To be called on the loop. `acknowledged` ends with `TimeoutError` if reports are missing
        when the time is up."""
        self._loop = loop = asyncio.get_running_loop()
        until = loop.time() + self._timeout
        one = Awaited(loop.create_future(), records, until, self._done)
        self._waiting.append(one)
        if self._watch is None:
            self._watch = loop.call_at(until, self._look)
        return one

    def hand_over(self) -> None:
        """On the poll thread, after each poll."""
        loop = self._loop
        if self._done and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        while self._done:
            acknowledged = self._done.popleft().acknowledged
            if not acknowledged.done():  # nobody may be waiting any more
                acknowledged.set_result(None)
        while self._waiting and self._waiting[0].acknowledged.done():
            self._waiting.popleft()

    def _look(self) -> None:
        self._watch = None
        now = asyncio.get_running_loop().time()
        while self._waiting and (self._waiting[0].acknowledged.done() or self._late(now)):
            late = self._waiting.popleft().acknowledged
            if not late.done():
                late.set_exception(TimeoutError())
        if self._waiting:
            self._watch = asyncio.get_running_loop().call_at(self._waiting[0].until, self._look)

    def _late(self, now: float) -> bool:
        return self._waiting[0].until - now < 0.01  # timers may be early by the clock's resolution
