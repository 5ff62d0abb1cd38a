"""One asyncio task for each message in hand, started in order, finished in any order.

The tasks live on the event loop; the consumer's thread owns offsets and partitions. A task is
cancelled when its partition is revoked (after the drain) or lost, and when the process stops: then
the message stays unfinished, and the partition's next owner gets it. It is cancelled, too, when its
import is paused or cancelled: then the message counts as finished, and a resume publishes it again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import structlog

from services.adapters.kafka.producer import PublishesRecords, publish_dead_letter
from services.adapters.kafka.reader import Raw
from services.core.errors import SetAside, Stop
from services.core.events import REPLAY, Event, Message, Place
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.concurrency import ConcurrencyLimit
from services.core.flow.occupancy import Occupancy
from services.core.flow.offsets import History, Offsets
from services.core.ports import HandlesMessages, Received
from services.core.wire import UndecodableError, UnknownEventError, decode

WORKER_DIED = "worker_died"
CANCEL_SECONDS = 5.0  # for cancelled work to clean up, such as aborting a multipart upload
Task = asyncio.Task[None]
log = structlog.get_logger("kafka")


@dataclass(eq=False)
class Assignment:
    """`tasks` and `active` belong to the event loop, the rest to the consumer's thread."""

    offsets: Offsets = field(default_factory=Offsets)
    # librdkafka keeps a pause beyond the assignment that it was made in, so a partition that comes
    # back may be paused without our knowing. It is resumed once, as if we had paused it.
    paused: bool = True
    announced: bool = False
    active: bool = True
    tasks: set[Task] = field(default_factory=set)


@dataclass(frozen=True)
class Delivery:
    record: Raw
    assignment: Assignment
    history: History = History.NEW

    @property
    def alone(self) -> bool:
        """Whether nothing else may be in hand while it is worked on."""
        return self.history is History.SUSPECT

    @property
    def received(self) -> Received:
        record = self.record
        place = Place(topic=record.topic, partition=record.partition, offset=record.offset)
        return Received(place=place, redelivered=self.history is not History.NEW)


@dataclass(eq=False, kw_only=True)
class MessageTasks:
    """The event loop's half of a consumer: every method is called on the loop.

    `limit` is how many messages are handled at once. `idle` says whether a task only waits, for a
    turn or for an outage to end: then a drain does not wait for it. `faults` waits out our own
    unforeseen errors. `allows` says whether an event may be worked on now.
    """

    service: str
    handler: HandlesMessages
    limit: ConcurrencyLimit
    publisher: PublishesRecords
    faults: CircuitBreaker
    idle: Callable[[Task], bool]
    allows: Callable[[Message], bool]
    occupancy: Occupancy = field(default_factory=Occupancy)
    # Set once the commit says that a message is worked on alone.
    announced: asyncio.Event = field(default_factory=asyncio.Event)
    started: deque[Delivery] = field(default_factory=deque)
    finished: deque[Delivery] = field(default_factory=deque)
    # Bounded by the watermarks: no partition has more unfinished than high + one batch.
    _inbox: asyncio.Queue[Delivery | None] = field(default_factory=asyncio.Queue, init=False)
    _in_hand: dict[asyncio.Timeout, Message] = field(default_factory=dict, init=False)

    async def run(self, source: Awaitable[None]) -> None:
        """Work on what is delivered until `source` ends. The first error ends all tasks."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._start_all(tasks))
                await source
                self.announced.set()
                self._inbox.put_nowait(None)
        except ExceptionGroup as several:
            raise several.exceptions[0] from several

    def deliver(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self._inbox.put_nowait(delivery)

    def recheck(self) -> None:
        """Cancel the work on events that are no longer allowed."""
        for scope in [x for x, event in self._in_hand.items() if not self.allows(event)]:
            del self._in_hand[scope]
            scope.reschedule(0.0)

    async def release(self, assignments: Iterable[Assignment], drain_seconds: float) -> None:
        """Start nothing more of these. Cancel what only waits, and what outlasts the drain."""
        tasks: set[Task] = set()
        for assignment in assignments:
            assignment.active = False
            tasks |= assignment.tasks
        for task in filter(self.idle, tasks):
            task.cancel()
        if tasks:
            _, tasks = await asyncio.wait(tasks, timeout=drain_seconds)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CANCEL_SECONDS)

    async def _start_all(self, tasks: asyncio.TaskGroup) -> None:
        while (delivery := await self._inbox.get()) is not None:
            await self._start(delivery, tasks)

    async def _start(self, delivery: Delivery, tasks: asyncio.TaskGroup) -> None:
        limit, assignment = self.limit, delivery.assignment
        if delivery.alone:
            await limit.drained()
        await limit.acquire()
        if assignment.active:
            self.started.append(delivery)
            if delivery.alone:
                why = "Workers crashed repeatedly while they worked on messages near this one."
                log.warning("kafka.worked_on_alone", **delivery.record.place, why=why)
                self.announced.clear()
                await self.announced.wait()
        if not assignment.active:
            limit.release()
            return
        task = tasks.create_task(self._finish(delivery))
        assignment.tasks.add(task)
        task.add_done_callback(assignment.tasks.discard)
        task.add_done_callback(lambda _: limit.release())
        if delivery.alone:
            await asyncio.wait({task})

    async def _finish(self, delivery: Delivery) -> None:
        record = delivery.record
        try:
            event = decode(record.topic, record.value)
        except UndecodableError as why:
            await publish_dead_letter(self.publisher, record, str(why), service=self.service)
        except UnknownEventError as why:
            raise Stop("unknown_event", str(why)) from why
        else:
            await self._while_allowed(event, delivery)
        self.finished.append(delivery)

    async def _while_allowed(self, event: Message, delivery: Delivery) -> None:
        if not self.allows(event):
            return
        scope = asyncio.timeout(None)
        try:
            with structlog.contextvars.bound_contextvars(**_about(event)):
                async with scope:
                    self._in_hand[scope] = event
                    with self.occupancy.entered():
                        await self._handle(event, delivery)
        except TimeoutError:
            if not scope.expired():
                raise
        finally:
            self._in_hand.pop(scope, None)

    async def _handle(self, event: Message, delivery: Delivery) -> None:
        received = delivery.received

        async def handle_or_stop() -> None:
            try:
                await self.handler.handle(event, received)
            except Exception as why:
                log.exception("worker.unforeseen", key=event.key)
                raise Stop(
                    "unforeseen",
                    f"Work has stopped because of a bug in Drivestream ({type(why).__name__}). The "
                    "service's log has the traceback.",
                ) from why

        try:
            if delivery.history is History.CONDEMNED:
                raise SetAside(
                    WORKER_DIED,
                    "The worker crashed each time it worked on this item, even when it worked on "
                    "nothing else. The item is probably damaged.",
                )
            await self.faults.call(handle_or_stop)
        except SetAside as why:
            await self.handler.set_aside(event, received, why)


def _about(event: Message) -> dict[str, str]:
    """What each line of the log says that is written meanwhile."""
    if not isinstance(event, Event):
        return {}
    name = "replay_id" if event.import_id.startswith(REPLAY) else "import_id"
    return {name: event.import_id}
