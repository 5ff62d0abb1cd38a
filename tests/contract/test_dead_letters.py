"""Reading dead letters, on the fake log and on a real Kafka."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.adapters.kafka.dead_letters import DeadLetterReader
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.producer import Publisher, PublishesRecords, publish_dead_letter
from services.adapters.kafka.reader import LogReader, Raw
from services.adapters.kafka.settings import KafkaSettings
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader


@dataclass
class Letters:
    publisher: PublishesRecords
    reader: DeadLetterReader

    async def put(self, *offsets: int, value: bytes = b"{") -> None:
        """Records at these offsets that could not be read."""
        for offset in offsets:
            record = Raw(
                topic="files.found",
                partition=3,
                offset=offset,
                key=b"k",
                value=value,
                headers={},
                at_ms=1,
            )
            await publish_dead_letter(self.publisher, record, "why", service="transfer")


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.real)])
async def letters(request: pytest.FixtureRequest) -> AsyncIterator[Letters]:
    if request.param == "fake":
        log = FakeLog()
        publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "test")
        yield Letters(publisher, DeadLetterReader(lambda: FakeLogReader(log)))
        return
    settings: KafkaSettings = request.getfixturevalue("kafka_settings")
    async with Publisher(settings, source="test") as real:
        reader = DeadLetterReader(lambda: LogReader(settings, client_id="test-letters"))
        yield Letters(real, reader)


async def test_the_newest_come_first_page_by_page(letters: Letters) -> None:
    assert await letters.reader.newest(before=None, limit=5) == []
    await letters.put(*range(60), value=b"x" * 100_000)
    first = await letters.reader.newest(before=None, limit=50)
    assert [letter.offset for letter in first] == list(range(59, 9, -1))
    rest = await letters.reader.newest(before=first[-1].number, limit=50)
    assert [letter.offset for letter in rest] == list(range(9, -1, -1))
    assert await letters.reader.newest(before=rest[-1].number, limit=50) == []
    assert rest[0].value.size == 100_000
    assert len(rest[0].value.data) < 5_000
    assert (rest[0].topic, rest[0].partition, rest[0].reason) == (
        "files.found",
        3,
        "undecodable_event",
    )
    assert rest[0].at.year > 2000


async def test_numbers_beyond_the_end_are_the_end(letters: Letters) -> None:
    await letters.put(7)
    [letter] = await letters.reader.newest(before=10**18, limit=5)
    assert letter.offset == 7
    assert await letters.reader.newest(before=-5, limit=5) == []
