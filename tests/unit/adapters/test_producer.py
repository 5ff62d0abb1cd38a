"""A patient publisher outlasts a broker that is away, and still ends at once when told to."""

import asyncio
from contextlib import suppress

import pytest

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.producer import PatientPublisher
from services.core.topics import DEAD_LETTERS, FILES_FOUND
from services.core.wire import Record
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.virtual_time import now, virtual_time
from tests.samples import FOUND

LETTER = Record(topic=DEAD_LETTERS.name, key=b"k", value=b"{")


def a_publisher() -> tuple[PatientPublisher, FakeLog]:
    log = FakeLog()
    gone = KafkaUnavailableError("no broker")
    return PatientPublisher(FakePublisher(log, lambda: gone, "test")), log


@virtual_time
async def test_events_and_dead_letters_are_published_once_the_broker_is_back() -> None:
    publisher, log = a_publisher()
    log.available = False
    publishing = [
        asyncio.create_task(publisher.publish([FOUND])),
        asyncio.create_task(publisher.publish([LETTER])),
    ]
    await asyncio.sleep(3600)
    assert not any(task.done() for task in publishing)
    log.available = True
    await asyncio.gather(*publishing)
    assert now() < 3610
    assert len(log.of(FILES_FOUND.name)) == len(log.of(DEAD_LETTERS.name)) == 1


@virtual_time
async def test_a_cancelled_publish_ends_at_once() -> None:
    publisher, log = a_publisher()
    log.available = False
    publishing = asyncio.create_task(publisher.publish([FOUND]))
    await asyncio.sleep(60)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert now() == 60


@virtual_time
async def test_nobody_waits_for_kafka_after_a_cancellation_that_a_library_dropped() -> None:
    publisher, log = a_publisher()
    log.available = False

    async def work() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await publisher.publish([FOUND])

    working = asyncio.create_task(work())
    await asyncio.sleep(1)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(working, 1)


@virtual_time
async def test_an_error_that_is_not_kafkas_goes_up() -> None:
    log = FakeLog()
    log.available = False
    publisher = PatientPublisher(FakePublisher(log, lambda: LookupError("a bug"), "test"))
    with pytest.raises(LookupError):
        await publisher.publish([FOUND])
