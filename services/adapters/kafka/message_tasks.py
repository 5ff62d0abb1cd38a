"""One asyncio task for each message in hand, started in turns, finished in any order.

The tasks live on the event loop; the consumer's thread owns offsets and partitions. A task is
cancelled when its partition is revoked (after the drain) or lost, and when the process stops: then
the message stays unfinished, and the partition's next owner gets it. It is cancelled, too, when its
import is paused or cancelled: then the message counts as finished, and a resume publishes it again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from services.adapters.kafka.deliveries import Assignment, Delivery, Task
from services.adapters.kafka.producer import PublishesRecords, publish_dead_letter
from services.core.errors import SetAside, Stop
from services.core.events import REPLAY, Event, Message
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.commit_state import BATCH
from services.core.flow.concurrency import SLOT, ConcurrencyLimit, Slot
from services.core.flow.occupancy import Occupancy
from services.core.flow.offsets import History
from services.core.flow.turns import CLAIM, Claim, FairQueue
from services.core.flow.worked_on import WorkedOn
from services.core.ownership import NOBODYS, Headers, Ownership
from services.core.ports import HandlesMessages
from services.core.wire import UndecodableError, UnknownEventError, decode

WORKER_DIED = "worker_died"
CANCEL_SECONDS = 5.0  # for cancelled work to clean up, such as aborting a multipart upload
SUSPECTED = frozenset({History.SUSPECT, History.ISOLATED, History.CONDEMNED})
CRASHED = "Workers crashed repeatedly while they worked on messages near these."
Claimed = tuple[Delivery, Claim]
log = structlog.get_logger("kafka")


@dataclass(eq=False, kw_only=True)
class MessageTasks:
    """The event loop's half of a consumer: every method is called on the loop.

    `limit` is how many messages are handled at once. `idle` says whether a task only waits, for a
    turn or for an outage to end: then a drain does not wait for it. `faults` waits out our own
    unforeseen errors. `allows` says whether an event may be worked on now, and `belongs` whose it
    is, on the consumer's thread. `part` is which part of the topic is worked on here, and `weight`
    as how many files a message counts when it is decided whose turn it is. Without `suspects`, no
    message is suspected of killing workers.
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
    suspects: bool = True
    occupancy: Occupancy = field(default_factory=Occupancy)
    worked_on: WorkedOn = field(default_factory=WorkedOn)
    # Whether suspects are worked on now; and which of them are in hand.
    meets_suspects: bool = field(default=False, init=False)
    batch: Sequence[Delivery] | None = field(default=None, init=False)
    # Set once the commits say what `batch` is now.
    announced: asyncio.Event = field(default_factory=asyncio.Event)
    started: deque[Delivery] = field(default_factory=deque)
    finished: deque[Delivery] = field(default_factory=deque)
    # Bounded: no partition has more unfinished than high + one poll in turn, and MOST out of turn.
    _inbox: FairQueue[Delivery] = field(init=False)
    _suspects: FairQueue[Delivery] = field(init=False)
    _ended: bool = field(default=False, init=False)
    _filled: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _in_hand: dict[asyncio.Timeout, Message] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._inbox = FairQueue(self.part, self.weight)
        self._suspects = FairQueue(self.part, self.weight)

    async def run(self, source: Awaitable[None]) -> None:
        """Work on what is delivered until `source` ends. The first error ends all tasks."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._start_all(tasks))
                await source
                self._ended = True
                self.announced.set()
                self._filled.set()
        except ExceptionGroup as several:
            raise several.exceptions[0] from several

    def deliver(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            owner, bulk = delivery.ownership
            if not self.suspects and delivery.history in SUSPECTED:
                delivery = replace(delivery, history=History.REDELIVERED)
            queue = self._suspects if delivery.suspected else self._inbox
            queue.put(delivery, owner, bulk=bulk)
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
        since = 0  # how many others have begun since the last suspects
        while await self._has_any():
            if self._suspects and (since >= BATCH or not self._inbox):
                await self._work_on_suspects(tasks)
                since = 0
                continue
            # Only once there is a slot, since until then something more urgent may come.
            slot = await self.limit.acquire()
            self._start(self._inbox.take(), slot, tasks)
            since += 1

    async def _work_on_suspects(self, tasks: asyncio.TaskGroup) -> None:
        """On those whose turn it is, as many as may be in hand at once."""
        self.meets_suspects = True
        suspects: list[Claimed] = []
        while self._suspects and len(suspects) < min(BATCH, self.limit.limit):
            suspects.append(self._suspects.take())
        for batch in _batches(suspects):
            await self._work_on(batch, tasks)
        self.meets_suspects = bool(self._suspects)

    async def _has_any(self) -> bool:
        """Whether something waits, or comes before the end."""
        while not self._inbox and not self._suspects:
            if self._ended:
                return False
            self._filled.clear()
            await self._filled.wait()
        return True

    async def _work_on(self, suspects: Sequence[Claimed], tasks: asyncio.TaskGroup) -> None:
        """Nothing else is in hand meanwhile, and the commits say so: if the process dies, the next
        owner of their partitions knows of what."""
        await self.limit.drained()
        batch = [delivery for delivery, _ in suspects if delivery.assignment.active]
        if not batch:
            return
        log.warning(
            "kafka.worked_on_apart", why=CRASHED, messages=len(batch), **batch[0].record.place
        )
        await self._announce(batch)
        working = [self._start(each, await self.limit.acquire(), tasks) for each in suspects]
        if started := [task for task in working if task is not None]:
            await asyncio.wait(started)
        await self._announce(None)

    async def _announce(self, batch: Sequence[Delivery] | None) -> None:
        if self._ended:  # nobody commits any more
            return
        self.announced.clear()
        self.batch = batch
        await self.announced.wait()

    def _start(self, claimed: Claimed, slot: Slot, tasks: asyncio.TaskGroup) -> Task | None:
        """None if its partition is another worker's by now."""
        delivery, claim = claimed
        assignment = delivery.assignment
        if not assignment.active:
            slot.release()
            return None
        self.started.append(delivery)
        task = tasks.create_task(self._finish(delivery, claim, slot))
        assignment.tasks.add(task)
        task.add_done_callback(assignment.tasks.discard)
        task.add_done_callback(lambda _: slot.release())
        return task

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


def _batches(suspects: Sequence[Claimed]) -> Sequence[Sequence[Claimed]]:
    together = [each for each in suspects if each[0].history is History.SUSPECT]
    alone = [[each] for each in suspects if each[0].history is History.ISOLATED]
    return [together, *alone] if together else alone
