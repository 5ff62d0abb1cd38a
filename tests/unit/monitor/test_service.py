"""The monitor's loop on fakes, in virtual time: what it publishes, and when it starts again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import cast

import msgspec
from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.faust_app import AppEndedError
from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core.topics import FILES_FOUND, FILES_STORED, NOTIFICATIONS, STATS_WINDOWS
from services.core.wire import decode, encode
from services.monitor.service import Monitor, OtherReadsError
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.virtual_time import VirtualLoop, virtual_time
from tests.samples import FOUND, JOB, SAMPLES

START_MS = 1_800_000_000_000
[STORED] = [event for event in SAMPLES.values() if isinstance(event, e.FileStored)]
Restore = Callable[[Iterable[bytes]], None]


class FakeApp:
    """Faust without Kafka: gives the records of `world` from the time that the group was moved to,
    and keeps `world.table`."""

    def __init__(self, world: "World", restored: Restore, record: Callable[[Raw], None]) -> None:
        self._world, self._restored, self._record = world, restored, record
        self.reads = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._world.sessions += 1
        self._restored(list(self._world.table.values()))
        reading = asyncio.create_task(self._read())
        self.reads = True
        try:
            yield
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    async def _read(self) -> None:
        given = 0
        while not self._world.reads_nothing:
            for raw in self._world.records[given:]:
                given += 1
                if raw.at_ms >= self._world.begin_ms:
                    self._record(raw)
            await asyncio.sleep(0.1)

    def check(self) -> None:
        if self._world.ends_app:
            self._world.ends_app = False
            raise AppEndedError("a test says so")

    def put(self, key: str, value: bytes) -> None:
        self._world.table[key] = value

    def remove(self, key: str) -> None:
        self._world.table.pop(key, None)


class World:
    """A log that is read, one that is written, and a monitor between them."""

    def __init__(self) -> None:
        self.records: list[Raw] = []
        self.waiting_work: list[Raw] = []
        self.table: dict[str, bytes] = {}
        self.sessions, self.begin_ms = 0, 0
        self.ends_app = self.other_reads = self.reads_nothing = False
        self.ends: Mapping[tuple[str, int], int] = {}
        self.skips_before_ms = 0
        self.log = FakeLog()
        self.waited: list[str | None] = []
        self.stopping = asyncio.Event()
        self.monitor = Monitor(
            open_app=lambda restored, record: FakeApp(self, restored, record),
            rewind=self._rewind,
            ends=lambda: self.ends,
            unfinished=self._unfinished,
            is_running=lambda _id: True,
            publisher=FakePublisher(self.log, lambda: KafkaUnavailableError("away"), "test"),
            tell=lambda waiting: self.waited.append(waiting.reason if waiting else None),
            stopping=self.stopping,
            clock=self.now_ms,
        )

    def now_ms(self) -> int:
        return START_MS + round(asyncio.get_running_loop().time() * 1000)

    def _rewind(self, since: datetime, may_skip: bool) -> Mapping[tuple[str, int], int] | None:
        if self.other_reads:
            raise OtherReadsError
        begin_ms = round(since.timestamp() * 1000)
        if begin_ms > self.skips_before_ms > 0 and not may_skip:
            return None
        self.begin_ms = begin_ms
        return {(FILES_STORED.name, 0): 0}

    async def _unfinished(self) -> Sequence[Raw]:
        return self.waiting_work

    def write(self, topic: str, value: bytes | None) -> Raw:
        raw = Raw(
            topic=topic,
            partition=0,
            offset=len(self.records),
            key=b"",
            value=value,
            headers={"ce_importid": JOB.encode()},
            at_ms=self.now_ms(),
        )
        self.records.append(raw)
        return raw

    def store(self, files: int = 1) -> None:
        for _ in range(files):
            self.write(FILES_STORED.name, encode(STORED, source="test").value)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.monitor.run())
        yield
        self.stopping.set()
        await task

    def published(self) -> list[e.Message]:
        return [decode(raw.topic, raw.value) for raw in self.log.of(STATS_WINDOWS.name)]

    def stored(self, import_id: str | None = None, seconds: int = 60) -> int:
        """By the newest publication of each window."""
        newest = {w.key: w for w in self.published() if isinstance(w, e.WindowCounted)}
        which = import_id, seconds
        return sum(w.stored for w in newest.values() if (w.import_id, w.seconds) == which)

    def alarms(self) -> list[e.ProgressStopped]:
        return [each for each in self.published() if isinstance(each, e.ProgressStopped)]


@virtual_time
async def test_what_happens_is_published_within_a_second_overall_and_by_import() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(1)
        world.store(3)
        await asyncio.sleep(1)
        assert world.stored() == world.stored(seconds=10) == world.stored(JOB) == 3
        assert world.monitor.metrics.delay < 1
        assert world.waited[-1] is None


@virtual_time
async def test_silence_is_published_too() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(35)
    windows = [w for w in world.published() if isinstance(w, e.WindowCounted)]
    after = [w.key for w in windows if w.seconds == 10 and w.start.timestamp() * 1000 >= START_MS]
    assert sorted(after.count(key) for key in set(after)) == [1, 2, 2, 2]  # again when it is over
    assert all(w.import_id is None and not w.stored for w in windows)


def as_of(windows: Sequence[e.WindowCounted]) -> list[float]:
    return [window.as_of.timestamp() - START_MS / 1000 for window in windows]


@virtual_time
async def test_a_window_that_has_ended_is_published_as_whole() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(125)
    whole = {w.key: w for w in world.published() if isinstance(w, e.WindowCounted)}
    minutes = [w for w in whole.values() if w.seconds == 60][-3:]
    assert [w.as_of >= w.start + timedelta(minutes=1) for w in minutes] == [True, True, False]


@virtual_time
async def test_while_it_is_behind_it_says_up_to_when_it_has_counted() -> None:
    world = World()
    world.ends = {(FILES_STORED.name, 0): 3}
    async with world.running():
        await asyncio.sleep(10)
        world.store()
        await asyncio.sleep(40)
        behind = [w for w in world.published() if isinstance(w, e.WindowCounted)]
        assert max(as_of(behind)) <= 10
        world.store(2)
        await asyncio.sleep(1)
        now = [w for w in world.published() if isinstance(w, e.WindowCounted)]
        assert 50 <= max(as_of(now)) <= 51
        assert as_of(now) == sorted(as_of(now))


@virtual_time
async def test_after_a_monitor_that_was_behind_the_next_one_skips_nothing() -> None:
    world = World()
    world.store(2)
    await asyncio.sleep(300)
    world.skips_before_ms = START_MS
    async with world.running():
        await asyncio.sleep(1)
        assert world.stored() == 2
    assert (START_MS - world.begin_ms) / 60_000 < 2


@virtual_time
async def test_a_monitor_that_was_away_for_long_begins_ten_minutes_ago() -> None:
    world = World()
    world.store(2)
    await asyncio.sleep(3600)
    world.skips_before_ms = START_MS
    async with world.running():
        await asyncio.sleep(1)
        assert world.stored() == 0
    assert 10 <= (START_MS + 3_601_000 - world.begin_ms) / 60_000 < 11.1


@virtual_time
async def test_what_cannot_be_decoded_or_is_of_a_newer_version_is_passed_over() -> None:
    world = World()
    async with world.running():
        newer = msgspec.json.encode({"type": "FileRotated", "import_id": "i"})
        for value in (None, b"", b"\xff", b"{}", newer):
            world.write(FILES_STORED.name, value)
        world.store()
        await asyncio.sleep(1)
        assert world.stored() == 1
        assert world.sessions == 1
        assert world.monitor.view is not None
        assert world.monitor.view.read[FILES_STORED.name, 0] == 6


@virtual_time
async def test_what_could_not_be_published_is_published_later() -> None:
    world = World()
    async with world.running():
        world.log.available = False
        world.store(2)
        await asyncio.sleep(5)
        assert world.stored() == 0
        world.log.available = True
        await asyncio.sleep(1)
        assert world.stored() == 2


@virtual_time
async def test_after_an_app_that_ended_the_next_one_counts_nothing_twice() -> None:
    world = World()
    async with world.running():
        world.store(2)
        await asyncio.sleep(1)
        world.ends_app = True
        world.store(3)
        await asyncio.sleep(5)
        assert world.sessions == 2
        assert world.stored() == 5
        world.table.clear()
        world.ends_app = True
        await asyncio.sleep(5)
        assert world.sessions == 3
        assert world.stored() == 5


@virtual_time
async def test_after_an_app_that_reads_nothing_the_next_one_counts_everything() -> None:
    world = World()
    world.reads_nothing = True
    world.store(3)
    world.ends = {(FILES_STORED.name, 0): 3}
    async with world.running():
        await asyncio.sleep(9)
        assert world.sessions == 1
        world.reads_nothing = False
        await asyncio.sleep(4)
        assert world.sessions == 2
        assert world.stored() == 3


@virtual_time
async def test_an_app_that_has_nothing_to_read_goes_on() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(60)
        assert world.sessions == 1


@virtual_time
async def test_a_process_that_was_frozen_begins_again() -> None:
    world = World()
    async with world.running():
        await asyncio.sleep(2)
        cast(VirtualLoop, asyncio.get_running_loop()).pass_by(60)
        world.store(2)
        await asyncio.sleep(5)
        assert world.sessions == 2
        assert world.stored() == 2


@virtual_time
async def test_while_another_monitor_reads_it_stands_by() -> None:
    world = World()
    world.other_reads = True
    async with world.running():
        world.store()
        await asyncio.sleep(20)
        assert set(world.waited) == {"standby"}
        assert world.published() == []
        assert world.monitor.view is None
        world.other_reads = False
        await asyncio.sleep(5)
        assert world.stored() == 1
        assert world.waited[-1] is None


@virtual_time
async def test_it_stops_while_it_stands_by() -> None:
    world = World()
    world.other_reads = True
    async with world.running():
        await asyncio.sleep(1)
    assert world.sessions == 0


@virtual_time
async def test_an_import_without_progress_raises_an_alarm_again_and_again() -> None:
    world = World()
    async with world.running():
        found = encode(replace(FOUND, import_id=JOB), source="test").value
        world.waiting_work = [world.write(FILES_FOUND.name, found)]
        await asyncio.sleep(119)
        assert world.alarms() == []
        await asyncio.sleep(92)
        assert 3 <= len(world.alarms()) <= 5
        assert {alarm.import_id for alarm in world.alarms()} == {JOB}
        assert world.monitor.metrics.stopped_imports == 1
        [begun] = world.log.of(NOTIFICATIONS.name)
        assert decode(begun.topic, begun.value).key == JOB
        newest = [w for w in world.published() if isinstance(w, e.WindowCounted)][-1]
        assert newest.oldest_unfinished_at == world.waiting_work[0].at
        world.waiting_work = []
        raised = len(world.alarms())
        await asyncio.sleep(60)
        assert len(world.alarms()) == raised
        assert world.monitor.metrics.stopped_imports == 0
        world.waiting_work = [world.write(FILES_FOUND.name, found)]
        await asyncio.sleep(200)
        _, second = world.log.of(NOTIFICATIONS.name)
        assert second.headers["ce_id"] != begun.headers["ce_id"]
