"""One asyncio task for each message in hand, started in turns, finished in any order.

The tasks live on the event loop; the consumer's thread owns offsets and partitions. A task is
cancelled when its partition is revoked (after the drain) or lost, and when the process stops: then
the message stays unfinished, and the partition's next owner gets it. It is cancelled, too, when its
import is paused or cancelled: then the message counts as finished, and a resume publishes it again.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import structlog

from services.adapters.kafka.producer import PublishesRecords, publish_dead_letter
from services.adapters.kafka.reader import Raw
from services.core.errors import SetAside, Stop
from services.core.events import REPLAY, Event, Message, Place
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.concurrency import SLOT, ConcurrencyLimit, Slot
from services.core.flow.lookahead import Lookahead
from services.core.flow.occupancy import Occupancy
from services.core.flow.offsets import History, Offsets
from services.core.flow.turns import CLAIM, Claim, FairQueue
from services.core.flow.worked_on import WorkedOn
from services.core.ownership import NOBODYS, Headers, Ownership
from services.core.ports import HandlesMessages, Received
from services.core.trace_context import HEADER
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
    in_turn: Counter[str] = field(default_factory=Counter)  # by owner, unfinished
    lookahead: Lookahead | None = None  # while there is a backlog

    def finish(self, delivery: "Delivery") -> None:
        owner = delivery.ownership.owner
        self.offsets.finish(delivery.record.offset)
        if not delivery.ahead:
            self.in_turn[owner] -= 1
            if self.in_turn[owner] <= 0:
                del self.in_turn[owner]
        elif self.lookahead is not None:
            self.lookahead.finished(owner)


@dataclass(frozen=True)
class Delivery:
    """`ahead`: out of turn."""

    record: Raw
    assignment: Assignment
    history: History = History.NEW
    ownership: Ownership = NOBODYS
    ahead: bool = False

    @property
    def alone(self) -> bool:
        """Whether nothing else may be in hand while it is worked on."""
        return self.history is History.SUSPECT

    @property
    def received(self) -> Received:
        record = self.record
        place = Place(topic=record.topic, partition=record.partition, offset=record.offset)
        return Received(
            place=place,
            redelivered=self.history is not History.NEW,
            traceparent=record.headers.get(HEADER, b""),
        )


@dataclass(eq=False, kw_only=True)
class MessageTasks:
    """The event loop's half of a consumer: every method is called on the loop.

    `limit` is how many messages are handled at once. `idle` says whether a task only waits, for a
    turn or for an outage to end: then a drain does not wait for it. `faults` waits out our own
    unforeseen errors. `allows` says whether an event may be worked on now, and `belongs` whose it
    is, on the consumer's thread. `part` is which part of the topic is worked on here, and `weight`
    as how many files a message counts when it is decided whose turn it is.
    """

    service: str
    handler: HandlesMessages
    limit: ConcurrencyLimit
    publisher: PublishesRecords
    faults: CircuitBreaker
    idle: Callable[[Task], bool]
    allows: Callable[[Message], bool]
    belongs: Callable[[Headers], Ownership] = lambda _headers: NOBODYS
    part: Callable[[], float] = lambda: 1.0
    weight: int = 1
    occupancy: Occupancy = field(default_factory=Occupancy)
    worked_on: WorkedOn = field(default_factory=WorkedOn)
    # Set once the commit says that a message is worked on alone.
    announced: asyncio.Event = field(default_factory=asyncio.Event)
    started: deque[Delivery] = field(default_factory=deque)
    finished: deque[Delivery] = field(default_factory=deque)
    # Bounded: no partition has more unfinished than high + one batch in turn, and MOST out of turn.
    _inbox: FairQueue[Delivery] = field(init=False)
    _ended: bool = field(default=False, init=False)
    _filled: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _in_hand: dict[asyncio.Timeout, Message] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._inbox = FairQueue(self.part, self.weight)

    async def run(self, source: Awaitable[None]) -> None:
        """Work on what is delivered until `source` ends. The first error ends all tasks."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._start_all(tasks))
                await source
                self.announced.set()
                self._ended = True
                self._filled.set()
        except ExceptionGroup as several:
            raise several.exceptions[0] from several

    def deliver(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            owner, bulk = delivery.ownership
            self._inbox.put(delivery, owner, bulk=bulk)
            self._filled.set()

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
        while await self._has_any():
            # Only once there is a slot, since until then something more urgent may come.
            slot = await self.limit.acquire()
            await self._start(*self._inbox.take(), slot, tasks)

    async def _has_any(self) -> bool:
        """Whether something waits, or comes before the end."""
        while not self._inbox:
            if self._ended:
                return False
            self._filled.clear()
            await self._filled.wait()
        return True

    async def _start(
        self, delivery: Delivery, claim: Claim, slot: Slot, tasks: asyncio.TaskGroup
    ) -> None:
        assignment = delivery.assignment
        if delivery.alone:
            slot.release()
            await self.limit.drained()
            slot = await self.limit.acquire()
        if assignment.active:
            self.started.append(delivery)
            if delivery.alone:
                why = "Workers crashed repeatedly while they worked on messages near this one."
                log.warning("kafka.worked_on_alone", **delivery.record.place, why=why)
                self.announced.clear()
                await self.announced.wait()
        if not assignment.active:
            slot.release()
            return
        task = tasks.create_task(self._finish(delivery, claim, slot))
        assignment.tasks.add(task)
        task.add_done_callback(assignment.tasks.discard)
        task.add_done_callback(lambda _: slot.release())
        if delivery.alone:
            await asyncio.wait({task})

    async def _finish(self, delivery: Delivery, claim: Claim, slot: Slot) -> None:
        record = delivery.record
        CLAIM.set(claim)
        SLOT.set(slot)
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
        # Until the task ends, which is this message's own.
        structlog.contextvars.bind_contextvars(**_about(event))
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._in_hand[scope] = event
                self.worked_on.note(delivery.ownership.owner)
                with self.occupancy.entered():
                    await self._handle(event, delivery)
        except TimeoutError:
            if not scope.expired():
                raise
        finally:
            self._in_hand.pop(scope, None)
            self.worked_on.note(delivery.ownership.owner)

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
