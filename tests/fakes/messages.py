"""Handlers and publications, seen from the side."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.adapters.kafka.message_tasks import MessageTasks
from services.adapters.kafka.producer import PublishesRecords
from services.core.errors import SetAside
from services.core.events import Message, Place
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.concurrency import ConcurrencyLimit
from services.core.ports import HandlesMessages, Received

Act = Callable[[Message], Awaitable[None]]


class Recorder:
    """`HandlesMessages`: remembers what it was given, and does `act` with each."""

    def __init__(self, act: Act | None = None) -> None:
        self._act = act
        self.handled: list[Message] = []
        self.redelivered: list[str] = []
        self.places: list[Place] = []
        self.failed: list[tuple[Message, str]] = []
        self.cancelled: list[Message] = []
        self.in_hand: list[Message] = []

    @property
    def keys(self) -> list[str]:
        """Of what was handled to its end, in that order."""
        return [event.key for event in self.handled]

    async def handle(self, event: Message, received: Received) -> None:
        """Remember it, whatever becomes of it."""
        self.places.append(received.place)
        if received.redelivered:
            self.redelivered.append(event.key)
        self.in_hand.append(event)
        try:
            if self._act is not None:
                await self._act(event)
        except asyncio.CancelledError:
            self.cancelled.append(event)
            raise
        finally:
            self.in_hand.remove(event)
        self.handled.append(event)

    async def set_aside(self, event: Message, received: Received, why: SetAside) -> None:
        """Remember that too."""
        self.places.append(received.place)
        self.failed.append((event, why.reason))


def tasks_of(
    handler: HandlesMessages,
    publisher: PublishesRecords,
    *,
    at_once: int = 32,
    faults: CircuitBreaker | None = None,
    idle: Callable[[asyncio.Task[None]], bool] = lambda _task: False,
    allows: Callable[[Message], bool] = lambda _event: True,
) -> MessageTasks:
    """What a consumer runs, with sensible values for all else."""
    return MessageTasks(
        service="test",
        handler=handler,
        limit=ConcurrencyLimit(at_once),
        publisher=publisher,
        faults=faults or CircuitBreaker(lambda _why, _seconds: None),
        idle=idle,
        allows=allows,
    )


class Publications:
    """`ports.PublishesEvents`: every batch, in the order of its acknowledgement.

    `before` is called with each batch first: it may look around, or raise as a lost broker would.
    """

    def __init__(self, before: Callable[[Sequence[Message]], None] | None = None) -> None:
        self.batches: list[Sequence[Message]] = []
        self._before = before

    @property
    def events(self) -> list[Message]:
        """All that was acknowledged, flat."""
        return [event for batch in self.batches for event in batch]

    async def publish(self, events: Sequence[Message]) -> None:
        """Acknowledge the batch."""
        if self._before is not None:
            self._before(events)
        self.batches.append(events)
