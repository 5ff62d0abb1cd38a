"""The tail keeps its view complete: without Kafka, past unreadable records, after an error."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from services.adapters.kafka.reader import Raw
from services.adapters.kafka.tail import Tail
from services.core.events import Message
from services.core.wire import Record
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.samples import SAMPLES

TOPIC = "imports.requested"
REQUEST = SAMPLES["ImportRequested"]


class Applied(list[Message]):
    """A view that keeps every event."""

    def apply(self, event: Message) -> None:
        self.append(event)


async def holds(condition: Callable[[], object]) -> None:
    """Return once it holds; fails after many seconds."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@asynccontextmanager
async def following(
    open_log: Callable[[], FakeLogReader], newest: int = sys.maxsize
) -> AsyncIterator[Tail[Applied]]:
    """A tail that runs."""
    tail = Tail(open_log, Applied(), retry_seconds=0.01, newest=newest)
    task = asyncio.create_task(tail.run())
    try:
        yield tail
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def publish(log: FakeLog, *events: Message) -> None:
    await FakePublisher(log, RuntimeError, "test").publish(events or [REQUEST])


async def test_an_empty_log_is_read_to_its_end_at_once(log: FakeLog) -> None:
    async with following(lambda: FakeLogReader(log)) as tail:
        assert await tail.caught_up(15)
        assert (tail.state.caught_up, tail.state.trouble) == (True, None)


async def test_the_view_has_what_was_in_the_log_before_it_counts_as_complete(log: FakeLog) -> None:
    await publish(log)
    async with following(lambda: FakeLogReader(log)) as tail:
        assert await tail.caught_up(15)
        assert tail.view == [REQUEST]


async def test_it_waits_for_a_broker_that_comes_later(log: FakeLog) -> None:
    log.available = False
    async with following(lambda: FakeLogReader(log)) as tail:
        await holds(lambda: tail.state.trouble == "the broker is away")
        assert not await tail.caught_up(0)
        log.available = True
        assert await tail.caught_up(15)


async def test_nothing_is_missed_when_the_broker_goes_and_comes_back(log: FakeLog) -> None:
    async with following(lambda: FakeLogReader(log)) as tail:
        assert await tail.caught_up(15)
        log.available = False
        await holds(lambda: tail.state.trouble)
        assert not await tail.caught_up(0)
        log.available = True
        await publish(log)
        await holds(lambda: tail.view == [REQUEST])
        assert await tail.caught_up(15)


async def test_a_hundred_tasks_that_wait_hold_no_thread(log: FakeLog) -> None:
    log.available = False
    async with following(lambda: FakeLogReader(log)) as tail:
        waiting = [asyncio.create_task(tail.caught_up(15)) for _ in range(100)]
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            assert await asyncio.to_thread(lambda: "at once") == "at once"
        assert not any(task.done() for task in waiting)
        log.available = True
        assert all(await asyncio.gather(*waiting))


async def test_records_that_tell_nothing_are_passed_over(log: FakeLog) -> None:
    for value in (b"", b"{", b'{"type": "ReplayRequested"}', b'{"type": "PageRequested"}'):
        await log.append([Record(topic=TOPIC, key=b"k", value=value)])
    await publish(log)
    async with following(lambda: FakeLogReader(log)) as tail:
        assert await tail.caught_up(15)
        assert tail.view == [REQUEST]


async def test_an_unknown_type_of_event_is_logged_once(log: FakeLog) -> None:
    for name in ("Newer", "Newer", "Newest", "Newer"):
        value = b'{"type": "%s", "import_id": "x"}' % name.encode()
        await log.append([Record(topic=TOPIC, key=b"k", value=value)])
    with capture_logs() as lines:
        async with following(lambda: FakeLogReader(log)) as tail:
            assert await tail.caught_up(15)
    said = [line["why"] for line in lines if line["event"] == "tail.unknown_event"]
    assert len(said) == 2
    assert "Newer" in said[0]
    assert "Newest" in said[1]


async def test_an_error_of_our_own_is_logged_and_survived(log: FakeLog) -> None:
    class BreaksOnce(FakeLogReader):
        broken = False

        def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
            if not BreaksOnce.broken:
                BreaksOnce.broken = True
                raise ValueError("unforeseen")
            return super().read(at_most, timeout)

    await publish(log)
    async with following(lambda: BreaksOnce(log)) as tail:
        await holds(lambda: tail.view)
        assert BreaksOnce.broken


@pytest.mark.parametrize(("newest", "applied"), [(sys.maxsize, 5), (2, 2), (0, 0), (100, 5)])
async def test_it_begins_as_near_to_the_end_as_it_is_told(
    log: FakeLog, newest: int, applied: int
) -> None:
    await publish(log, *[REQUEST] * 5)
    async with following(lambda: FakeLogReader(log), newest) as tail:
        assert await tail.caught_up(15)
        assert len(tail.view) == applied


async def test_what_is_too_old_or_not_wanted_is_passed_over(log: FakeLog) -> None:
    paused = SAMPLES["ImportPaused"]
    await publish(log, REQUEST, REQUEST)
    [records] = [found for (topic, _), found in log.records.items() if topic == TOPIC]
    records[0] = replace(records[0], at_ms=records[0].at_ms - 3_700_000)
    await publish(log, paused)
    records[2] = replace(records[2], key=b"another")
    tail = Tail(
        lambda: FakeLogReader(log),
        Applied(),
        since=timedelta(hours=1),
        wants=lambda key: key != b"another",
    )
    task = asyncio.create_task(tail.run())
    assert await tail.caught_up(15)
    assert tail.view == [REQUEST]
    task.cancel()
    await asyncio.wait({task})


async def test_cancelling_ends_it_although_a_read_hangs(log: FakeLog) -> None:
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Hangs(FakeLogReader):
        def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
            asyncio.run_coroutine_threadsafe(reading.wait(), loop).result(15)
            return ()

        def close(self) -> None:
            loop.call_soon_threadsafe(closed.set)

    reading = asyncio.Event()
    async with following(lambda: Hangs(log)) as tail:
        assert await tail.caught_up(15)
    assert not closed.is_set()
    reading.set()
    async with asyncio.timeout(60):
        await closed.wait()
