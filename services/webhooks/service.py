"""The loop of one receiver: each notification is sent until the receiver takes it, or for a day.

Every endpoint has a consumer group of its own, so each goes at its own pace, and a hanging one
holds up no other. Within an endpoint, a notification that is waiting for its next attempt holds up
no other either: what is finished behind it is part of the commit.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Protocol

import structlog

from services.adapters.kafka.deliveries import Task
from services.adapters.metrics import EndpointFigures
from services.adapters.webhooks.client import Answer
from services.core import events as e
from services.core.errors import SetAside
from services.core.ports import Received
from services.core.wire import event_id
from services.webhooks.payload import body_of, webhook_of

FIRST_WAIT, LONGEST_WAIT, FACTOR = 5.0, 3600.0, 3.0
GIVEN_UP_AFTER = timedelta(days=1)
AT_ONCE = 4
"""Attempts of one endpoint."""
UNFINISHED = 200
"""Notifications of one endpoint. Further ones stay in the log."""
log = structlog.get_logger("webhooks")


class Sends(Protocol):
    """`WebhookClient`, as the endpoint sees it."""

    async def send(self, id: str, body: str) -> Answer: ...


@dataclass
class Repeats:
    """Where each id came first in the log: whatever comes again says nothing new. An indexer that
    crashes may publish an end twice, and one with an empty database publishes all of them."""

    _first: dict[str, int] = field(default_factory=dict)

    def note(self, id: str, offset: int) -> bool:
        """Whether this is a repeat. Offsets may be noted again."""
        return self._first.setdefault(id, offset) < offset


@dataclass(eq=False, kw_only=True)
class EndpointDelivery:
    """`HandlesMessages` for one endpoint. `stop` ends its consumer, and commits nothing more."""

    name: str
    client: Sends
    repeats: Repeats
    figures: EndpointFigures
    stop: Callable[[], None]
    api_url: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.0)
    _waiting: set[Task] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    def only_waits(self, task: Task) -> bool:
        """Whether a stop need not wait for this task."""
        return task in self._waiting

    async def handle(self, event: e.Message, received: Received) -> None:
        id = event_id(event)
        if self.repeats.note(id, received.place.offset):
            return
        webhook = webhook_of(event, self.api_url)
        if webhook is not None and isinstance(event, e.Notification):
            await self._deliver(id, body_of(webhook), webhook.type, event.at + GIVEN_UP_AFTER)

    async def set_aside(self, event: e.Message, _received: Received, why: SetAside) -> None:
        self.figures.given_up += 1
        log.error("webhook.given_up", endpoint=self.name, id=str(event_id(event)), why=why.message)

    async def _deliver(self, id: str, body: str, type: str, until: datetime) -> None:
        about = {"endpoint": self.name, "id": id, "type": type}
        for attempt in count(1):
            async with self._turns:
                answer = await self.client.send(id, body)
            if answer.delivered:
                self.figures.sent += 1
                log.info("webhook.sent", **about, attempt=attempt)
                return
            self.figures.failed_attempts += 1
            if answer.gone:
                await self._end(answer)
            at = self.now() + timedelta(seconds=self._wait(attempt, answer))
            if at > until:
                self.figures.given_up += 1
                log.error("webhook.given_up", **about, attempts=attempt, why=answer.why)
                return
            next_at = at.isoformat(timespec="seconds")
            log.warning("webhook.failed", **about, attempt=attempt, why=answer.why, next_at=next_at)
            with self._as_waiting():
                await asyncio.sleep((at - self.now()).total_seconds())

    def _wait(self, attempt: int, answer: Answer) -> float:
        """Seconds until the next attempt: more each time, and as long as the receiver asks for."""
        grown = FIRST_WAIT * FACTOR ** min(attempt - 1, 20)
        return max(min(LONGEST_WAIT, grown) * self.jitter(), min(LONGEST_WAIT, answer.wait))

    async def _end(self, answer: Answer) -> None:
        """The receiver wants nothing more. The notification stays unfinished, so that a receiver
        which comes back misses nothing: each start of the process tries once."""
        if not self.figures.gone:
            log.error("webhook.endpoint_gone", endpoint=self.name, why=answer.why)
        self.figures.gone = True
        self.stop()
        with self._as_waiting():
            await asyncio.Event().wait()

    @contextmanager
    def _as_waiting(self) -> Iterator[None]:
        task: Any = asyncio.current_task()
        self._waiting.add(task)
        self.figures.waiting = len(self._waiting)
        try:
            yield
        finally:
            self._waiting.discard(task)
            self.figures.waiting = len(self._waiting)
