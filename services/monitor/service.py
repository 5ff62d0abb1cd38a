"""The loop: be the one that reads, count, publish what changed, and look for what stands still.

A view, from which nobody decides anything. At each start it reads the last minutes of the log again
(`windows.py` counts nothing twice), so it does not matter how the process before it ended, or what
is left of its table and its offsets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.faust_app import SESSION_SECONDS, AppEndedError
from services.adapters.kafka.producer import PublishesRecords
from services.adapters.kafka.reader import Raw
from services.adapters.metrics import MonitorMetrics
from services.adapters.process import run_with_background
from services.core.events import AlarmRaised, Place, Waiting
from services.core.settings import Reader
from services.monitor.progress import Unfinished, oldest_at
from services.monitor.view import View, now_ms
from services.monitor.windows import MOST_REREAD_MINUTES, REREAD_MINUTES, Key, begin_ms

TICK_SECONDS = 0.5
PUBLISHED_AT_ONCE = 500
LOOK_SECONDS = 10.0
STILL_LOOKS = 20
"""Ticks. Rarely, Faust takes over from another process, says that it reads, and reads nothing."""
ALARM_EVERY_LOOKS = 3
STANDBY_SECONDS = 2.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
STANDBY = Waiting(reason="standby", message="Another monitor is active.")
log = structlog.get_logger("monitor")
Offsets = Mapping[tuple[str, int], int]


@dataclass(frozen=True, kw_only=True)
class MonitorSettings:
    """After how many seconds without progress an import with unfinished work raises an alarm."""

    no_progress: float = 120.0

    @classmethod
    def read(cls, reader: Reader) -> "MonitorSettings":
        return cls(no_progress=reader.number("NO_PROGRESS_SECONDS", 120, 10, 86_400))


class OtherReadsError(Exception):
    """Another monitor is in the group."""


class ReadsAndKeeps(Protocol):
    """`FaustApp`, as the monitor sees it."""

    @property
    def reads(self) -> bool: ...
    def running(self) -> AbstractAsyncContextManager[None]: ...
    def check(self) -> None: ...
    def put(self, key: str, value: bytes) -> None: ...
    def remove(self, key: str) -> None: ...


OpenApp = Callable[[Callable[[Iterable[bytes]], None], Callable[[Raw], None]], ReadsAndKeeps]


@dataclass(kw_only=True)
class Monitor:
    """`rewind` makes the group begin with the records of a time, and says with which offsets; None
    if that would skip records that nobody has counted. `ends` says where the log ends. `tell` is
    given what is waited for."""

    open_app: OpenApp
    rewind: Callable[[datetime, bool], Offsets | None]  # raises `OtherReadsError`
    ends: Callable[[], Offsets]
    unfinished: Callable[[], Awaitable[Sequence[Raw]]]
    is_running: Callable[[str], bool]
    publisher: PublishesRecords
    tell: Callable[[Waiting | None], None]
    stopping: asyncio.Event
    settings: MonitorSettings = MonitorSettings()
    metrics: MonitorMetrics = field(default_factory=MonitorMetrics)
    clock: Callable[[], int] = now_ms
    view: View | None = None
    wait: float = FIRST_WAIT
    under_alarm: set[str] = field(default_factory=set)

    def reading(self) -> Offsets | None:
        """The next offset of each partition; None while nothing is read here."""
        return None if self.view is None else dict(self.view.read)

    async def run(self) -> None:
        """Until told to stop; whatever goes wrong, from the start again."""
        while not self.stopping.is_set():
            try:
                await self._session()
            except (AppEndedError, KafkaUnavailableError) as why:
                away = isinstance(why, KafkaUnavailableError)
                until = datetime.now(UTC) + timedelta(seconds=self.wait)
                message = f"The monitor starts again: {why}."
                reason = "kafka_unavailable" if away else "starts_again"
                self.tell(Waiting(reason=reason, message=message, until=until))
                await self._stops_within(self.wait)
                self.wait = min(LONGEST_WAIT, self.wait * 2)
            finally:
                self.view, self.metrics.reads = None, False

    async def _session(self) -> None:
        claimed = await self._claim()
        if claimed is None:
            return
        since_ms, read = claimed
        view = View.beginning(since_ms, self.settings.no_progress, read, self.clock)
        view.goal = await asyncio.to_thread(self.ends)
        app = self.open_app(view.restore, view.take)
        async with app.running():
            await run_with_background(self._follow(app, view), self._watch(app, view), thawed())

    async def _claim(self) -> tuple[int, Offsets] | None:
        """Wait until no other process is in the group, and make it begin some minutes ago. From
        when on, and with which offsets; None if told to stop."""
        while not self.stopping.is_set():
            try:
                return await asyncio.to_thread(self._begin)
            except OtherReadsError:
                self.tell(STANDBY)
                await self._stops_within(STANDBY_SECONDS)
        return None

    def _begin(self) -> tuple[int, Offsets]:
        """Of so many minutes ago as it takes to skip nothing, within limits: a monitor that was
        behind has published windows that are not whole."""
        now_ms = self.clock()
        for minutes in range(REREAD_MINUTES, MOST_REREAD_MINUTES + 1):
            since_ms, last = begin_ms(now_ms, minutes), minutes == MOST_REREAD_MINUTES
            read = self.rewind(datetime.fromtimestamp(since_ms / 1000, UTC), last)
            if read is not None:
                return since_ms, read
        raise AssertionError  # the last one skips what it must

    async def _follow(self, app: ReadsAndKeeps, view: View) -> None:
        while not self.stopping.is_set():
            app.check()
            self.metrics.reads = app.reads
            if app.reads:
                view.look()
                if view.still_looks >= STILL_LOOKS:
                    raise AppEndedError("it is behind, and Faust reads nothing")
                self.view, self.wait = view, FIRST_WAIT
                self.tell(None)
                await self._publish(app, view)
            else:
                self.tell(STANDBY)
            await self._stops_within(TICK_SECONDS)

    async def _publish(self, app: ReadsAndKeeps, view: View) -> None:
        """Publish the windows that changed, and keep them in the table."""
        windows, at_ms = view.windows, view.reached_ms()
        windows.open(at_ms)
        taken = windows.take_changed(PUBLISHED_AT_ONCE)
        oldest = self.metrics.oldest_unfinished_at
        as_of = datetime.fromtimestamp(at_ms / 1000, UTC)
        cells = [windows.cells[key] for key in taken]
        try:
            await self.publisher.publish([c.event(as_of, oldest) for c in cells])
        except KafkaUnavailableError as why:
            windows.put_back(taken)
            log.warning("monitor.not_published", why=str(why))
            return
        if taken:
            self.metrics.delay = max(0, self.clock() - min(taken.values())) / 1000
        for cell in cells:
            app.put(_name(cell.key), msgspec.json.encode(cell))
        for key in windows.expire(self.clock()):
            app.remove(_name(key))

    async def _watch(self, app: ReadsAndKeeps, view: View) -> None:
        """Look for unfinished work, and raise alarms, every third time again."""
        looks = 0
        raised: set[str] = set()
        while True:
            if app.reads:
                try:
                    raised = await self._look(view, raised if looks % ALARM_EVERY_LOOKS else set())
                except KafkaUnavailableError as why:
                    log.warning("monitor.no_look", why=str(why))
                looks += 1
            await asyncio.sleep(LOOK_SECONDS if looks else TICK_SECONDS)

    async def _look(self, view: View, raised: set[str]) -> set[str]:
        """Raise the alarms that hold, save those just raised; the imports that are under one."""
        if not view.behind():
            view.goal = await asyncio.to_thread(self.ends)
        unfinished = [each for raw in await self.unfinished() if (each := _unfinished(raw))]
        alarms = view.progress.alarms(unfinished, self.is_running, self.clock())
        for alarm in (new := [a for a in alarms if a.import_id not in raised]):
            log.warning(
                "monitor.no_progress",
                import_id=alarm.import_id,
                since=str(alarm.since),
                unfinished=alarm.unfinished,
            )
        self.metrics.oldest_unfinished_at = oldest_at(unfinished)
        self.metrics.stopped_imports = len(alarms)
        begun = [
            AlarmRaised(
                import_id=a.import_id,
                since=a.since,
                at=a.at,
                oldest=a.oldest,
                unfinished=a.unfinished,
            )
            for a in alarms
            if a.import_id not in self.under_alarm
        ]
        await self.publisher.publish([*new, *begun])
        self.under_alarm = {alarm.import_id for alarm in alarms}
        return self.under_alarm

    async def _stops_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return


async def thawed() -> None:
    """Raise `AppEndedError` once this process stood still for so long that the broker gave its
    partitions away, and another one may have committed what this one did not count."""
    clock = asyncio.get_running_loop().time
    while True:
        before = clock()
        await asyncio.sleep(1.0)
        if (stood := clock() - before) > SESSION_SECONDS:
            raise AppEndedError(f"this process stood still for {stood:.0f} seconds")


def _name(key: Key) -> str:
    import_id, seconds, start = key
    return f"{import_id or 'all'}/{seconds}/{start}"


def _unfinished(raw: Raw) -> Unfinished | None:
    """None for what does not say of which import it is."""
    import_id = raw.headers.get("ce_importid", b"").decode("utf-8", "replace")
    if not import_id:
        return None
    place = Place(topic=raw.topic, partition=raw.partition, offset=raw.offset)
    return Unfinished(import_id=import_id, place=place, at_ms=raw.at_ms)
