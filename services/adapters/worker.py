"""What lister and transfer share: a consumer per topic, Drive, its quota, and a status.

A service says what it consumes and makes its handler; everything around that is here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from services.adapters.drive import Drive, open_drive
from services.adapters.drive.settings import DriveSettings
from services.adapters.kafka.admin import wait_for_topics
from services.adapters.kafka.group_consumer import Flow, GroupConsumer
from services.adapters.kafka.message_tasks import Task, Work
from services.adapters.kafka.producer import PatientPublisher, Publisher, Publishes
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.metrics import MetricsSettings, WorkerMetrics, metrics_endpoint
from services.adapters.process import run_until, run_with_background, worker_id
from services.adapters.worker_status import publish_status
from services.core.errors import Stop
from services.core.events import WorkerStatus
from services.core.flow.circuit_breaker import Check, CircuitBreaker, unknown
from services.core.flow.concurrency import ConcurrencyLimit
from services.core.flow.quota import QuotaLimiter, QuotaSettings
from services.core.flow.resilience import Resilience, RetryPolicy
from services.core.ports import HandlesMessages
from services.core.settings import SettingsGroup
from services.core.topics import DEAD_LETTERS, WORKERS_STATUS, Topic

log = structlog.get_logger("worker")


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(SettingsGroup):
    kafka: KafkaSettings
    drive: DriveSettings
    quota: QuotaSettings
    metrics: MetricsSettings


@dataclass(frozen=True, kw_only=True)
class Consumes:
    topic: Topic
    group: str
    at_once: int
    flow: Flow = field(default_factory=Flow)


@dataclass(frozen=True, kw_only=True)
class WorkerSpec:
    """The quota share follows the partitions of the first topic. `connections` bounds the requests
    to Drive; `linger_ms` is how long a published event may wait for others."""

    service: str
    consumes: tuple[Consumes, ...]
    publishes: tuple[Topic, ...]
    connections: int
    linger_ms: int = 5
    policy: RetryPolicy = field(default_factory=RetryPolicy)


class Worker:
    """One running worker: what its handler is made from, and what it tells of itself."""

    def __init__(
        self,
        spec: WorkerSpec,
        publisher: Publishes,
        quota: QuotaLimiter,
        consumers: Sequence[GroupConsumer] = (),
    ) -> None:
        self._spec = spec
        self._consumers = consumers
        self._breakers: list[CircuitBreaker] = []
        self._holders: list[Callable[[Task], bool]] = [quota.holds]
        self.publisher = PatientPublisher(publisher)
        self.quota = quota
        self.limits = {c.topic.name: ConcurrencyLimit(c.at_once) for c in spec.consumes}
        self.faults = self._breaker(unknown)

    def calls_to(self, system: str, check: Check) -> Resilience:
        """Retry and circuit breaker for one outside system; `check` says whether it answers."""
        return Resilience(system, self._spec.policy, self._breaker(check))

    def waits_in(self, holds: Callable[[Task], bool]) -> None:
        """Tasks that something holds only wait for their turn: a drain does not wait for them."""
        self._holders.append(holds)

    def work(self, topic: str, handler: HandlesMessages) -> Work:
        return Work(
            service=self._spec.service,
            handler=handler,
            limit=self.limits[topic],
            publisher=self.publisher,
            faults=self.faults,
            idle=lambda task: any(holds(task) for holds in self._holders),
        )

    def status(self) -> WorkerStatus:
        waiting = next(filter(None, (breaker.waiting_for for breaker in self._breakers)), None)
        oldest = max((consumer.oldest_age for consumer in self._consumers), default=0.0)
        return WorkerStatus(
            worker_id=worker_id(self._spec.service),
            service=self._spec.service,
            state="running" if waiting is None else "waiting",
            waiting_for=waiting,
            in_flight=sum(limit.in_use for limit in self.limits.values()),
            oldest_unfinished_seconds=round(oldest, 3),
            quota_share=self.quota.state().share,
            at=datetime.now(UTC),
        )

    async def consume(self, making: Awaitable[HandlesMessages], stop: asyncio.Event) -> None:
        """Wait for the handler, then run all consumers until `stop`; the first error ends all."""
        handler = asyncio.ensure_future(making)
        if not await run_until(stop, handler):
            return
        async with asyncio.TaskGroup() as tasks:
            for consumer in self._consumers:
                tasks.create_task(consumer.run(self.work(consumer.topic, handler.result())))
            await stop.wait()
            for consumer in self._consumers:
                consumer.stop()

    def _breaker(self, check: Check) -> CircuitBreaker:
        breaker = CircuitBreaker(self._log_wait, check)
        self._breakers.append(breaker)
        self._holders.append(breaker.holds)
        return breaker

    def _log_wait(self, why: Stop, seconds: float) -> None:
        event = f"{self._spec.service}.waiting"
        log.error(event, reason=why.reason, why=why.message, seconds=seconds)


async def run_worker(
    spec: WorkerSpec,
    settings: WorkerSettings,
    stop: asyncio.Event,
    make: Callable[[Worker, Drive], Awaitable[HandlesMessages]],
) -> None:
    """Work until `stop`; then what is in hand may finish within the consumers' drain time.

    `make` may wait for what the handler needs; nothing is consumed before it returns.
    """
    topics = [*(c.topic for c in spec.consumes), *spec.publishes, DEAD_LETTERS, WORKERS_STATUS]
    names = [topic.name for topic in topics]
    if not await run_until(stop, wait_for_topics(settings.kafka, names, log.warning)):
        return
    consumers = [
        GroupConsumer(settings.kafka, group=c.group, topic=c.topic.name, flow=c.flow)
        for c in spec.consumes
    ]
    first, partitions = consumers[0], spec.consumes[0].topic.partitions
    quota = QuotaLimiter(
        settings.quota, spec.service, lambda: first.partitions / partitions, log.warning
    )
    async with (
        Publisher(settings.kafka, source=spec.service, linger_ms=spec.linger_ms) as publisher,
        open_drive(settings.drive, connections=spec.connections, quota=quota) as drive,
    ):
        worker = Worker(spec, publisher, quota, consumers)
        with metrics_endpoint(settings.metrics, WorkerMetrics(worker.status, quota.state)):
            await run_with_background(
                worker.consume(make(worker, drive), stop), publish_status(publisher, worker.status)
            )
