"""What lister and transfer share: a consumer per topic, Drive, its quota, and a status."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from msgspec.structs import replace
from prometheus_client.registry import Collector

from services.adapters.cpu import ThreadLoad
from services.adapters.drive.client import Drive, open_drive
from services.adapters.drive.settings import DriveSettings
from services.adapters.kafka.admin import wait_for_topics
from services.adapters.kafka.deliveries import Task
from services.adapters.kafka.flow import Flow
from services.adapters.kafka.group_consumer import GroupConsumer
from services.adapters.kafka.message_tasks import MessageTasks
from services.adapters.kafka.producer import PatientPublisher, Publisher, PublishesRecords
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.kafka.tail import NOT_CONNECTED, Tail
from services.adapters.metrics import MetricsSettings, WorkerMetrics, metrics_endpoint
from services.adapters.process import (
    STARTING,
    WaitingLog,
    publish_status,
    run_until,
    run_with_background,
    worker_status,
)
from services.adapters.tracing.port import Tracing, open_tracing
from services.adapters.tracing.settings import TracingSettings
from services.adapters.work_metrics import CountingPublisher, WorkMetrics
from services.core.control import ImportControls
from services.core.events import (
    AFTER_CRASHES,
    MOST_NAMED,
    ControlEvent,
    Message,
    QuotaUse,
    Waiting,
    WorkerStatus,
)
from services.core.flow.circuit_breaker import Check, CircuitBreaker, unknown
from services.core.flow.concurrency import ConcurrencyLimit
from services.core.flow.occupancy import Occupancy
from services.core.flow.quota import QuotaLimiter, QuotaSettings, QuotaState
from services.core.flow.resilience import Resilience, RetryPolicy
from services.core.flow.worked_on import WorkedOn
from services.core.ownership import ownership
from services.core.ports import HandlesMessages
from services.core.settings import SettingsGroup
from services.core.topics import Topic

WORKED_ON_APART = (
    "Workers crashed repeatedly. To find out why, what they worked on is tried again a little at a "
    "time."
)
log = structlog.get_logger("worker")


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(SettingsGroup):
    kafka: KafkaSettings
    drive: DriveSettings
    quota: QuotaSettings
    metrics: MetricsSettings
    tracing: TracingSettings


@dataclass(frozen=True, kw_only=True)
class Consumes:
    """One group in one topic. Messages that it does not `take` it passes: they are another's. Each
    counts as `weight` files when it is decided whose turn it is. Without `suspects`, no message is
    suspected of killing workers."""

    topic: Topic
    group: str
    at_once: int
    flow: Flow = field(default_factory=Flow)
    takes: Callable[[Message], bool] = lambda _event: True
    weight: int = 1
    suspects: bool = True


@dataclass(frozen=True, kw_only=True)
class WorkerSpec:
    """The quota share follows the partitions of the first topic. `connections` bounds the requests
    to Drive; `linger_ms` is how long a published event may wait for others."""

    service: str
    consumes: tuple[Consumes, ...]
    connections: int
    linger_ms: int = 5
    policy: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(eq=False)
class Worker:
    spec: WorkerSpec
    publisher: PublishesRecords
    quota: QuotaLimiter
    consumers: Sequence[GroupConsumer] = ()
    work: WorkMetrics = field(default_factory=WorkMetrics)
    tracing: Tracing = field(default_factory=Tracing)

    def __post_init__(self) -> None:
        self._breakers: list[tuple[str, CircuitBreaker]] = []
        # Each says whether a task only waits for its turn; a drain does not wait for those.
        self.holders: list[Callable[[Task], bool]] = [self.quota.holds]
        self.limits = {c.group: ConcurrencyLimit(c.at_once) for c in self.spec.consumes}
        # Says what limits the speed of the work, if it does.
        self.speed_limit: Callable[[], Waiting | None] = lambda: None
        # What is still missing before it can begin.
        self.begins: Callable[[], Waiting | None] = lambda: None
        # Bytes that are in use, and that may be.
        self.memory: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self.occupancy, self.load = Occupancy(), ThreadLoad()
        self.worked_on = WorkedOn()
        self.faults = self._breaker("", unknown)
        self.controls = ImportControls()
        self._tasks: list[MessageTasks] = []

    def calls_to(
        self, system: str, check: Check, *, most_on_checks: float = math.inf
    ) -> Resilience:
        """Retry and circuit breaker for one outside system; `check` says whether it answers."""
        breaker = self._breaker(system, check, most_on_checks)
        return Resilience(system, self.spec.policy, breaker, self.work.called)

    def tasks(
        self,
        consumes: Consumes,
        handler: HandlesMessages,
        part: Callable[[], float] = lambda: 1.0,
    ) -> MessageTasks:
        tasks = MessageTasks(
            service=self.spec.service,
            handler=handler,
            limit=self.limits[consumes.group],
            publisher=self.publisher,
            faults=self.faults,
            idle=lambda task: any(holds(task) for holds in self.holders),
            allows=lambda event: consumes.takes(event) and self.controls.allow(event),
            belongs=lambda headers: ownership(headers, self.controls.is_bulk),
            part=part,
            weight=consumes.weight,
            suspects=consumes.suspects,
            occupancy=self.occupancy,
            worked_on=self.worked_on,
        )
        self._tasks.append(tasks)
        return tasks

    def apply(self, event: Message) -> None:
        """Take an event of `imports.requested`: a control takes effect on what is in hand."""
        self.controls.apply(event)
        if isinstance(event, ControlEvent):
            for tasks in self._tasks:
                tasks.recheck()

    @property
    def figures(self) -> Sequence[Collector]:
        status = WorkerMetrics(self.status, self.quota.state)
        return status, self.work, *self.tracing.metrics

    @property
    def in_outage(self) -> bool:
        """Whether work waits for a system that is away."""
        return any(breaker.waiting_for for _, breaker in self._breakers)

    def status(self) -> WorkerStatus:
        waits = ((system, breaker.waiting_for) for system, breaker in self._breakers)
        system, waiting = next((wait for wait in waits if wait[1]), ("", self.begins()))
        oldest = max((consumer.oldest_age for consumer in self.consumers), default=0.0)
        quota, (used, most) = self.quota.state(), self.memory()
        return replace(
            worker_status(self.spec.service, waiting),
            in_flight=sum(limit.in_use for limit in self.limits.values()),
            oldest_unfinished_seconds=round(oldest, 3),
            quota_share=quota.share,
            limited_by=None if waiting else self._after_crashes() or self.speed_limit(),
            waiting_on=system,
            holds=tuple(place for consumer in self.consumers for place in consumer.holds),
            concurrency=sum(limit.limit for limit in self.limits.values()),
            in_hand=dict(self.occupancy.average()),
            call_seconds=dict(self.occupancy.seconds()),
            busy=self.load.busy(),
            memory_used=used,
            memory_limit=most,
            quota=_used(quota),
            works_on=tuple(self.worked_on.lately(at_most=MOST_NAMED)),
        )

    def _after_crashes(self) -> Waiting | None:
        if not any(tasks.meets_suspects for tasks in self._tasks):
            return None
        return Waiting(reason=AFTER_CRASHES, message=WORKED_ON_APART)

    async def consume(self, making: Awaitable[HandlesMessages], stop: asyncio.Event) -> None:
        """Wait for the handler, then run all consumers until `stop`; the first error ends all."""
        handler = asyncio.ensure_future(making)
        if not await run_until(stop, handler):
            return
        async with asyncio.TaskGroup() as tasks:
            for consumes, consumer in zip(self.spec.consumes, self.consumers, strict=True):
                part = partial(_part, consumer, consumes.topic)
                tasks.create_task(consumer.run(self.tasks(consumes, handler.result(), part)))
            await stop.wait()
            for consumer in self.consumers:
                consumer.stop()

    def _breaker(
        self, system: str, check: Check, most_on_checks: float = math.inf
    ) -> CircuitBreaker:
        # The status tells of a wait.
        breaker = CircuitBreaker(lambda _why, _seconds: None, check, most_on_checks)
        self._breakers.append((system, breaker))
        self.holders.append(breaker.holds)
        return breaker


def _begins(controls: Tail[Worker]) -> Waiting:
    """What a worker waits for that has not begun. What stops its calls it says itself."""
    state = controls.state
    if state.caught_up or state.trouble in (None, NOT_CONNECTED):
        return STARTING
    message = f"It cannot read which imports are paused: {state.trouble}."
    return Waiting(reason="kafka_unavailable", message=message)


def _part(consumer: GroupConsumer, topic: Topic) -> float:
    return consumer.partitions / topic.partitions


def _used(quota: QuotaState) -> QuotaUse:
    return QuotaUse(
        limit=quota.limit,
        allowed=quota.allowed,
        used=quota.used,
        waiting=quota.waiting,
        refused=quota.refused,
    )


async def _topics(
    spec: WorkerSpec, settings: WorkerSettings, stop: asyncio.Event
) -> Mapping[str, int] | None:
    """How many partitions each has, once all are there; None if it is to stop. Meanwhile it says
    what it waits for, in the log and to a health check."""
    waiting = STARTING
    told = WaitingLog(lambda: worker_status(spec.service, waiting))

    def say(why: str) -> None:
        nonlocal waiting
        waiting = Waiting(reason="kafka_unavailable", message=why)
        told()

    lacks = settings.drive.missing
    with metrics_endpoint(settings.metrics, WorkerMetrics(told.look), lacks=lacks):
        topics = asyncio.ensure_future(wait_for_topics(settings.kafka, say))
        return topics.result() if await run_until(stop, topics) else None


def _worker(
    spec: WorkerSpec,
    publisher: PublishesRecords,
    quota: QuotaLimiter,
    consumers: Sequence[GroupConsumer],
    tracing: Tracing,
) -> Worker:
    work = WorkMetrics({c.group: o.lag for c, o in zip(spec.consumes, consumers, strict=True)})
    patient = PatientPublisher(tracing.publisher(publisher))
    return Worker(spec, CountingPublisher(patient, work), quota, consumers, work, tracing)


async def _making(
    worker: Worker, controls: Tail[Worker], make: Callable[[], Awaitable[HandlesMessages]]
) -> HandlesMessages:
    """The handler, once it is known which imports are paused: else their work would be taken up."""
    await controls.caught_up()
    made = worker.tracing.handler(await make())
    worker.begins = lambda: None
    return made


async def run_worker(
    spec: WorkerSpec,
    settings: WorkerSettings,
    stop: asyncio.Event,
    make: Callable[[Worker, Drive], Awaitable[HandlesMessages]],
) -> None:
    """Work until `stop`. `make` may wait for what the handler needs.

    Nothing is consumed before it returns, nor before it is known which imports are paused.
    """
    if settings.drive.missing:
        log.warning("drive.no_credentials", why=settings.drive.missing)
    topics = await _topics(spec, settings, stop)
    if topics is None:
        return
    consumers = [
        GroupConsumer(settings.kafka, group=c.group, topic=c.topic.name, flow=c.flow)
        for c in spec.consumes
    ]
    first, partitions = consumers[0], topics[spec.consumes[0].topic.name]
    quota = QuotaLimiter(
        settings.quota, spec.service, lambda: first.partitions / partitions, log.warning
    )
    async with (
        Publisher(settings.kafka, source=spec.service, linger_ms=spec.linger_ms) as publisher,
        open_drive(settings.drive, connections=spec.connections, quota=quota) as drive,
        open_tracing(settings.tracing, spec.service) as tracing,
    ):
        worker = _worker(spec, publisher, quota, consumers, tracing)
        reader_id = f"drivestream-{spec.service}-controls"
        controls = Tail(lambda: LogReader(settings.kafka, client_id=reader_id), worker)
        worker.begins = partial(_begins, controls)
        making = _making(worker, controls, lambda: make(worker, drive))
        with metrics_endpoint(settings.metrics, *worker.figures, lacks=settings.drive.missing):
            await run_with_background(
                worker.consume(making, stop),
                publish_status(publisher, WaitingLog(worker.status)),
                controls.run(),
            )
