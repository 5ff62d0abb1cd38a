"""The monitor as a process on a real Kafka: what it publishes is what an independent count of the
log gives, also after it was killed, started twice, wiped or frozen. One system for all tests."""

import asyncio
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from services.adapters.kafka.admin import LogOffsets
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.adapters.kafka.unfinished import UnfinishedMessages
from services.core import events as e
from services.core.flow.commit_state import CommitState
from services.core.settings import Reader
from services.core.topics import (
    ALL,
    MONITOR_WINDOWS,
    NOTIFICATIONS,
    STATS_WINDOWS,
    WORKERS_STATUS,
)
from services.core.wire import Record, decode
from tests.platform import emptied
from tests.samples import SAMPLES
from tests.system import System, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
LIMIT = 90.0
"""Right again within a quarter of a minute, the time to be declared dead included, where nothing
else runs."""
FROZEN_SECONDS = 13.0
"""Longer than the broker waits for a heartbeat."""
FILES = ("files.found", "files.stored", "files.failed")
OWN = tuple(t.name for t in (STATS_WINDOWS, NOTIFICATIONS, MONITOR_WINDOWS, WORKERS_STATUS))
UNREADABLE = (b"\xff", b'{"type":"FileRotated","import_id":"i"}')
NUMBERS = count()
[FOUND] = [event for event in SAMPLES.values() if isinstance(event, e.FileFound)]
[STORED] = [event for event in SAMPLES.values() if isinstance(event, e.FileStored)]
[FAILED] = [event for event in SAMPLES.values() if isinstance(event, e.FileFailed)]
Windows = Mapping[tuple[str | None, int, int], Counter[str]]


@pytest.fixture(scope="module")
def system(
    servers: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    with (
        emptied(servers) as platform,
        running_system(
            platform, tmp_path_factory.mktemp("logs"), {"NO_PROGRESS_SECONDS": "10"}
        ) as system,
    ):
        yield system


@pytest.fixture
def settings(system: System) -> KafkaSettings:
    return KafkaSettings.read(Reader(system.platform.env))


async def feed(settings: KafkaSettings, files: int) -> None:
    """Outcomes of two imports, and two records that nobody can read."""
    events: list[e.Message | Record] = []
    for number in (next(NUMBERS) for _ in range(files)):
        id, import_id = f"file-{number}", f"import-{number % 2}"
        file = replace(FOUND, import_id=import_id, file_id=id, replay_id=None)
        stored = replace(STORED, import_id=import_id, file=file, size=number)
        failed = replace(
            FAILED, import_id=import_id, file_id=id, file=file, reason=f"reason_{number % 3}"
        )
        events += [file, failed if number % 5 == 0 else stored]
    events += [Record(topic="files.stored", key=b"f", value=value) for value in UNREADABLE]
    async with Publisher(settings, source="test") as publisher:
        await publisher.publish(events)


def in_the_log(system: System) -> Windows:
    """What each window of the log holds, counted from its records."""
    windows: defaultdict[tuple[str | None, int, int], Counter[str]] = defaultdict(Counter)
    for raw in (raw for topic in FILES for raw in system.records(topic)):
        if raw.value in UNREADABLE:
            continue
        event = decode(raw.topic, raw.value)
        assert isinstance(event, e.FileFound | e.FileStored | e.FileFailed)
        for seconds in (10, 60):
            start = raw.at_ms // 1000 // seconds * seconds
            for import_id in (None, event.import_id):
                counts = windows[import_id, seconds, start]
                counts[raw.topic] += 1
                if isinstance(event, e.FileStored):
                    counts["bytes"] += event.size
                elif isinstance(event, e.FileFailed):
                    counts[event.reason] += 1
    return windows


def published(system: System) -> Windows:
    """The newest publication of each window in which something happened."""
    windows: dict[tuple[str | None, int, int], Counter[str]] = {}
    for event in decoded(system):
        if isinstance(event, e.WindowCounted):
            outcomes = event.found, event.stored + event.unchanged, event.failed
            counts = Counter(dict(zip(FILES, outcomes, strict=True)))
            counts += Counter({"bytes": event.bytes, **event.failures})
            windows[event.import_id, event.seconds, round(event.start.timestamp())] = counts
    return {key: counts for key, counts in windows.items() if counts}


def decoded(system: System) -> Sequence[e.Message]:
    return [decode(raw.topic, raw.value) for raw in system.records(STATS_WINDOWS.name)]


def wait_until_right(system: System) -> None:
    """Until every window agrees with the log."""
    expected = in_the_log(system)
    system.until(
        lambda: published(system) == expected,
        LIMIT,
        lambda: f"published {published(system)}\nin the log {expected}",
    )


def reading(system: System) -> Sequence[str]:
    """The monitors that read."""
    found = [n for n in system.processes if system.processes[n].running and system.answers(n)]
    return [n for n in found if system.figures(n).get("drivestream_monitor_reads") == 1]


async def test_of_two_monitors_one_counts_and_the_other_takes_over_from_a_killed_one(
    system: System, settings: KafkaSettings
) -> None:
    others = [topic.name for topic in ALL if topic.name not in OWN]
    system.start("monitor", "monitor-2")
    system.until(lambda: len(reading(system)) == 1, LIMIT, "not one monitor reads")
    await feed(settings, 40)
    ends = LogOffsets(settings).bounds(others)
    wait_until_right(system)
    [killed] = reading(system)
    [other] = {"monitor", "monitor-2"} - {killed}
    system.kill(killed)
    await feed(settings, 30)
    wait_until_right(system)
    assert reading(system) == [other]
    written = LogOffsets(settings).bounds(others)
    assert {place[0] for place in ends if ends[place] != written[place]} <= set(FILES)
    assert system.terminate(other) == 0


async def test_a_wiped_monitor_is_right_again(system: System, settings: KafkaSettings) -> None:
    """Its table and its offsets are gone, and meanwhile the log went on."""
    await feed(settings, 20)
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    table = TopicPartition(settings.prefixed(MONITOR_WINDOWS.name), 0, -1)
    for removed in admin.delete_records([table]).values():
        removed.result(LIMIT)
    for deleted in admin.delete_consumer_groups([settings.prefixed("monitor")]).values():
        deleted.result(LIMIT)
    system.start("monitor")
    wait_until_right(system)


async def test_a_frozen_monitor_is_right_again(system: System, settings: KafkaSettings) -> None:
    monitor = system.processes["monitor"]
    monitor.signal(signal.SIGSTOP)
    await feed(settings, 20)
    await asyncio.sleep(FROZEN_SECONDS)
    monitor.signal(signal.SIGCONT)
    await feed(settings, 20)
    wait_until_right(system)
    assert monitor.running


async def test_what_is_finished_beyond_a_commit_is_not_unfinished(settings: KafkaSettings) -> None:
    found = LogOffsets(settings).bounds(["files.found"])
    [_, partition] = max(found, key=lambda place: found[place][1])
    end = found["files.found", partition][1]
    assert end > 4
    commit = CommitState(finished=((2, 2), (4, 4))).encode(1)
    member = Consumer({**settings.handle("test"), "group.id": settings.prefixed("a-test")})
    topic = settings.prefixed("files.found")
    member.commit(
        offsets=[TopicPartition(topic, partition, 1, metadata=commit)], asynchronous=False
    )
    raws = await UnfinishedMessages(settings, {"a-test": "files.found"}).read()
    assert [r.offset for r in raws if r.partition == partition] == [1, 3, *range(5, end)]
    assert {r.offset for r in raws if r.partition != partition} == {
        offset
        for place, (_, end) in found.items()
        if place[1] != partition
        for offset in range(end)
    }
    member.close()


async def test_work_that_nobody_does_has_an_age_and_raises_an_alarm(system: System) -> None:
    """No transfer runs here, so all that was found is unfinished."""

    def is_told() -> bool:
        events = decoded(system)
        alarmed = {x.import_id for x in events if isinstance(x, e.ProgressStopped)}
        overall = [x for x in events if isinstance(x, e.WindowCounted) and x.import_id is None]
        return alarmed == {"import-0", "import-1"} and bool(overall[-1].oldest_unfinished_at)

    system.until(is_told, LIMIT, "no alarm")
    first = min(raw.at_ms for raw in system.records("files.found")) / 1000
    age = "drivestream_oldest_unfinished_seconds"
    system.until(
        lambda: abs(system.figures("monitor")[age] - (time.time() - first)) < 2,
        LIMIT,
        "a wrong age",
    )
    assert system.terminate("monitor") == 0
