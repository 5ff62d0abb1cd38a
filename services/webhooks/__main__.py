"""`python -m services.webhooks`: what happened to imports and replays, to whoever wants to know."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field

import structlog
from msgspec.structs import replace

from services.adapters import process
from services.adapters.kafka.admin import LogOffsets, wait_for_topics
from services.adapters.kafka.flow import Flow
from services.adapters.kafka.group_consumer import GroupConsumer
from services.adapters.kafka.message_tasks import MessageTasks
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.ranges import read_up_to
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.rewind import GroupRewind
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.metrics import (
    EndpointFigures,
    MetricsSettings,
    WebhookMetrics,
    WorkerMetrics,
    metrics_endpoint,
)
from services.adapters.tracing.port import Tracing, open_tracing
from services.adapters.tracing.settings import TracingSettings
from services.adapters.webhooks.client import WebhookClient
from services.adapters.webhooks.settings import Endpoint, WebhookSettings
from services.adapters.work_metrics import WorkMetrics
from services.core.events import Waiting, WorkerStatus
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.concurrency import ConcurrencyLimit
from services.core.settings import SettingsGroup
from services.core.topics import NOTIFICATIONS
from services.webhooks.service import UNFINISHED, EndpointDelivery, Repeats

SERVICE = "webhooks"
TOPIC = NOTIFICATIONS.name
FLOW = Flow(high=UNFINISHED, low=UNFINISHED // 2, drain_seconds=2.0)
log = structlog.get_logger(SERVICE)


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    kafka: KafkaSettings
    webhooks: WebhookSettings
    metrics: MetricsSettings
    tracing: TracingSettings


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    async with open_tracing(settings.tracing, SERVICE) as tracing:
        await _serve(settings, stop, tracing)


async def _serve(settings: Settings, stop: asyncio.Event, tracing: Tracing) -> None:
    sender = Sender(settings, tracing)
    told = process.WaitingLog(sender.status)

    def without_topics(sentence: str) -> None:
        sender.waiting = Waiting(reason="kafka_unavailable", message=sentence)
        told()

    figures = WorkerMetrics(sender.status), WebhookMetrics(sender.figures), *tracing.metrics
    with metrics_endpoint(settings.metrics, *figures, WorkMetrics(sender.lags)):
        if not settings.webhooks.endpoints:
            log.info("webhooks.off", why="WEBHOOK_URLS is not set.")
            await stop.wait()
            return
        sender.waiting = process.STARTING
        if not await process.run_until(stop, wait_for_topics(settings.kafka, without_topics)):
            return
        sender.waiting = None
        async with Publisher(settings.kafka, source=SERVICE) as publisher:
            telling = process.publish_status(publisher, told)
            await process.run_with_background(sender.run(publisher, stop), telling)


@dataclass
class Sender:
    """All endpoints of this process."""

    settings: Settings
    tracing: Tracing
    waiting: Waiting | None = None
    figures: dict[str, EndpointFigures] = field(default_factory=dict)
    lags: dict[str, Mapping[tuple[str, int], int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for endpoint in self.settings.webhooks.endpoints:
            self.figures[endpoint.name] = EndpointFigures()

    def status(self) -> WorkerStatus:
        waiting = sum(figures.waiting for figures in self.figures.values())
        return replace(process.worker_status(SERVICE, self.waiting), in_flight=waiting)

    async def run(self, publisher: Publisher, stop: asyncio.Event) -> None:
        """Until `stop`; the first error ends all."""
        repeats = Repeats()
        await asyncio.to_thread(read_ids, self.settings.kafka, repeats)
        async with AsyncExitStack() as opened, asyncio.TaskGroup() as running:
            consumers = []
            for endpoint in self.settings.webhooks.endpoints:
                group = group_of(endpoint)
                await asyncio.to_thread(begin_at_the_end, self.settings.kafka, group)
                client = WebhookClient(endpoint, self.settings.webhooks.secrets)
                opened.push_async_callback(client.aclose)
                consumer = GroupConsumer(self.settings.kafka, group=group, topic=TOPIC, flow=FLOW)
                self.lags[group] = consumer.lag
                consumers.append(consumer)
                delivery = EndpointDelivery(
                    name=endpoint.name,
                    client=self.tracing.receiver(client, endpoint.name),
                    repeats=repeats,
                    figures=self.figures[endpoint.name],
                    stop=consumer.stop,
                    api_url=self.settings.webhooks.api_url,
                )
                running.create_task(consumer.run(tasks_for(delivery, publisher, self.tracing)))
            await stop.wait()
            for consumer in consumers:
                consumer.stop()


def tasks_for(delivery: EndpointDelivery, publisher: Publisher, tracing: Tracing) -> MessageTasks:
    return MessageTasks(
        service=SERVICE,
        handler=tracing.handler(delivery),
        limit=ConcurrencyLimit(2 * UNFINISHED),
        publisher=publisher,
        faults=CircuitBreaker(lambda _why, _seconds: None),
        idle=delivery.only_waits,
        allows=lambda _event: True,
        suspects=False,  # it would be sent alone, and hold up all others for a day
    )


def group_of(endpoint: Endpoint) -> str:
    return f"{SERVICE}-{endpoint.id}"


def begin_at_the_end(kafka: KafkaSettings, group: str) -> None:
    """Whoever is new hears of what happens from now on, and not of a past week."""
    if not LogOffsets(kafka).committed(group):
        rewind = GroupRewind(kafka, group)
        rewind.execute(rewind.plan("latest", TOPIC))


def read_ids(kafka: KafkaSettings, repeats: Repeats) -> None:
    """Note what the topic holds, by the ids in the headers."""
    with closing(LogReader(kafka, client_id=f"drivestream-{SERVICE}")) as reader:
        bounds = {(TOPIC, p): reader.ends(TOPIC, p) for p in reader.partitions(TOPIC)}
        for records in read_up_to(reader, bounds):
            for record in records:
                id = record.headers.get("ce_id", b"").decode("utf-8", "replace")
                repeats.note(id, record.offset)


if __name__ == "__main__":
    process.end(process.run_service(SERVICE, os.environ, Settings.read, serve))
