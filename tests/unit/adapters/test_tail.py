"""The tail: through Kafka's absence, undecodable records and faults of its own."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from services.adapters.kafka.reader import Raw
from services.adapters.kafka.tail import Tail
from services.api.known_imports import KnownImports
from services.core.wire import Record
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.samples import JOB, SAMPLES

TOPIC = "imports.requested"


async def holds(condition: Callable[[], object]) -> None:
    """Return once it holds; fails after two seconds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.002)
    pytest.fail("it never held")


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


def tail_of(open_log: Callable[[], FakeLogReader]) -> Tail[KnownImports]:
    return Tail(open_log, KnownImports(), retry_seconds=0.01)


async def publish(log: FakeLog) -> None:
    await FakePublisher(log, RuntimeError, "test").publish([SAMPLES["ImportRequested"]])


async def test_an_empty_log_is_read_to_its_end_at_once(log: FakeLog) -> None:
    tail = tail_of(lambda: FakeLogReader(log))
    tail.start()
    assert await asyncio.to_thread(tail.wait, 2)
    await holds(lambda: tail.state.caught_up)
    assert tail.state.trouble is None
    tail.stop()


async def test_what_is_in_the_log_is_known_before_it_counts_as_read(log: FakeLog) -> None:
    await publish(log)
    tail = tail_of(lambda: FakeLogReader(log))
    tail.start()
    assert await asyncio.to_thread(tail.wait, 2)
    assert tail.known.get(JOB) is not None
    tail.stop()


async def test_it_waits_for_a_broker_that_comes_later(log: FakeLog) -> None:
    log.available = False
    tail = tail_of(lambda: FakeLogReader(log))
    tail.start()
    await holds(lambda: tail.state.trouble == "the broker is away")
    assert not tail.wait(0)
    log.available = True
    assert await asyncio.to_thread(tail.wait, 2)
    tail.stop()


async def test_a_broker_that_goes_and_comes_back_costs_nothing(log: FakeLog) -> None:
    tail = tail_of(lambda: FakeLogReader(log))
    tail.start()
    assert await asyncio.to_thread(tail.wait, 2)
    log.available = False
    await holds(lambda: not tail.wait(0))
    log.available = True
    await publish(log)
    await holds(lambda: tail.known.get(JOB))
    await holds(lambda: tail.wait(0))
    tail.stop()


async def test_an_undecodable_record_is_passed_over(log: FakeLog) -> None:
    for value in (b"", b"{", b'{"type": "ReplayRequested"}', b'{"type": "PageRequested"}'):
        await log.append([Record(topic=TOPIC, key=b"k", value=value)])
    await publish(log)
    tail = tail_of(lambda: FakeLogReader(log))
    tail.start()
    assert await asyncio.to_thread(tail.wait, 2)
    assert tail.known.get(JOB) is not None
    tail.stop()


async def test_a_fault_of_our_own_is_said_and_survived(log: FakeLog) -> None:
    class BreaksOnce(FakeLogReader):
        broken = False

        def read(self, at_most: int, timeout: float) -> Sequence[Raw]:
            if not BreaksOnce.broken:
                BreaksOnce.broken = True
                raise ValueError("unforeseen")
            return super().read(at_most, timeout)

    await publish(log)
    tail = tail_of(lambda: BreaksOnce(log))
    tail.start()
    await holds(lambda: tail.known.get(JOB))
    assert BreaksOnce.broken
    tail.stop()


async def test_stopping_ends_the_thread(log: FakeLog) -> None:
    tail = tail_of(lambda: FakeLogReader(log))
    tail.stop()  # also one that was never started
    tail = tail_of(lambda: FakeLogReader(log))
    tail.start()
    await asyncio.to_thread(tail.stop)
    assert not tail._thread.is_alive()
