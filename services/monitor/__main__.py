"""`python -m services.monitor`: rates and alarms, from the log."""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from services.adapters import process
from services.adapters.kafka.admin import LogOffsets, wait_for_topics
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.faust_app import FaustApp
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader, Raw
from services.adapters.kafka.rewind import GroupRewind, RewindError
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.kafka.tail import Tail
from services.adapters.kafka.unfinished import UnfinishedMessages
from services.adapters.metrics import (
    MetricsSettings,
    WorkerMetrics,
    metrics_endpoint,
)
from services.adapters.work_metrics import WorkMetrics
from services.core.control import ControlState, ImportControls
from services.core.events import Waiting, WorkerStatus
from services.core.settings import SettingsGroup
from services.core.topics import FILES_FOUND, IMPORTS_PAGES, IMPORTS_REQUESTED, MONITOR_WINDOWS
from services.monitor.health import Health
from services.monitor.service import Monitor, MonitorSettings, Offsets, OtherReadsError
from services.monitor.view import TOPICS

SERVICE = "monitor"
GROUPS = {
    "lister-requests": IMPORTS_REQUESTED.name,
    "lister": IMPORTS_PAGES.name,
    "lister-replays": IMPORTS_PAGES.name,
    "transfer": FILES_FOUND.name,
}
"""Who has work to finish, and where it lies."""
PUBLISH_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsGroup):
    kafka: KafkaSettings
    metrics: MetricsSettings
    monitor: MonitorSettings


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    kafka = settings.kafka
    waiting_for: Waiting | None = process.STARTING

    def tell(waiting: Waiting | None) -> None:
        nonlocal waiting_for
        waiting_for = waiting

    def without_topics(sentence: str) -> None:
        tell(Waiting(reason="kafka_unavailable", message=sentence))
        told()

    def status() -> WorkerStatus:
        return process.worker_status(SERVICE, waiting_for)

    told = process.WaitingLog(status)
    controls = ImportControls()
    tail = Tail(lambda: LogReader(kafka, client_id=f"drivestream-{SERVICE}"), controls)
    async with Publisher(kafka, source=SERVICE, timeout=PUBLISH_SECONDS) as publisher:
        monitor = _monitor(settings, publisher, controls, tell, stop)
        health = Health(LogOffsets(kafka).bounds, monitor.reading)
        work = WorkMetrics({SERVICE: health.movement.lag})
        figures = WorkerMetrics(status), work, monitor.metrics
        with metrics_endpoint(settings.metrics, *figures, trouble=health.trouble):
            if not await process.run_until(stop, wait_for_topics(kafka, without_topics)):
                return
            health.start()
            telling = process.publish_status(publisher, told)
            await process.run_with_background(monitor.run(), telling, tail.run())


def _monitor(
    settings: Settings,
    publisher: Publisher,
    controls: ImportControls,
    tell: Callable[[Waiting | None], None],
    stop: asyncio.Event,
) -> Monitor:
    def open_app(
        restored: Callable[[Iterable[bytes]], None], record: Callable[[Raw], None]
    ) -> FaustApp:
        return FaustApp(
            settings=settings.kafka,
            group=SERVICE,
            topics=TOPICS,
            changelog=MONITOR_WINDOWS.name,
            restored=restored,
            record=record,
        )

    return Monitor(
        open_app=open_app,
        rewind=_rewinding(settings.kafka),
        ends=_ends(settings.kafka),
        unfinished=UnfinishedMessages(settings.kafka, GROUPS).read,
        is_running=lambda id: controls.of(id).state is ControlState.RUNNING,
        publisher=publisher,
        tell=tell,
        stopping=stop,
        settings=settings.monitor,
    )


def _ends(kafka: KafkaSettings) -> Callable[[], Offsets]:
    log_offsets = LogOffsets(kafka)
    return lambda: {place: end for place, (_, end) in log_offsets.bounds(TOPICS).items()}


def _rewinding(kafka: KafkaSettings) -> Callable[[datetime, bool], Offsets | None]:
    """Makes the group begin with the records of a time; not if it would skip some, unless it may.
    A group that never read anything skips nothing."""
    group = GroupRewind(kafka, SERVICE)

    def rewind(since: datetime, may_skip: bool) -> Offsets | None:
        if group.is_active():
            raise OtherReadsError
        try:
            moves = [move for topic in TOPICS for move in group.plan(since, topic)]
            if not may_skip and any(m.now is not None and m.now < m.then for m in moves):
                return None
            group.execute(moves)
        except RewindError as why:
            # Another one has joined in between, or a topic has gone: both show at the next try.
            raise KafkaUnavailableError(str(why)) from why
        return {(move.topic, move.partition): move.then for move in moves}

    return rewind


if __name__ == "__main__":
    code = process.run_service(SERVICE, os.environ, Settings.read, serve, process.NOTHING_TO_SAVE)
    process.end(code)
