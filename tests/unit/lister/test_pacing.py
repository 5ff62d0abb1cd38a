"""A replay goes at its rate, and stays close before the transfer."""

import asyncio

import pytest
from structlog.testing import capture_logs

from services.adapters.kafka.errors import KafkaUnavailableError
from services.lister.pacing import AHEAD, STEP, Pace
from tests.fakes.virtual_time import now, virtual_time


class Partition:
    """A partition that a transfer works through; `others` is what somebody else publishes in it."""

    def __init__(self) -> None:
        self.done, self.end, self.others = 0, 0, 0
        self.away = False

    async def backlog(self) -> tuple[int, int]:
        """As `Backlog.of`."""
        if self.away:
            raise KafkaUnavailableError("away")
        return self.done, self.end

    async def replay(self, files: int, pace: Pace) -> None:
        """Publish so many files."""
        while files:
            turn = await pace.turn(files)
            assert 1 <= turn <= STEP
            self.end += turn + self.others
            await pace.published(turn)
            files -= turn


@virtual_time
async def test_no_more_than_a_few_files_wait_before_the_transfer() -> None:
    partition = Partition()
    replaying = asyncio.create_task(partition.replay(1_000, Pace(lambda: None, partition.backlog)))
    for _ in range(8):
        await asyncio.sleep(60)
        assert partition.end - partition.done == AHEAD
        partition.done += STEP
    await asyncio.sleep(60)
    assert (partition.end, replaying.done()) == (1_000, True)


@virtual_time
async def test_what_others_published_before_it_does_not_count_as_its_own() -> None:
    partition = Partition()
    partition.others = 5_000
    replaying = asyncio.create_task(partition.replay(300, Pace(lambda: None, partition.backlog)))
    await asyncio.sleep(60)
    assert partition.end == 2 * (STEP + 5_000)
    partition.done = STEP + 5_000
    await asyncio.sleep(60)
    assert (partition.end, replaying.done()) == (3 * (STEP + 5_000), True)


@virtual_time
async def test_it_waits_while_kafka_is_away_and_says_why_once() -> None:
    partition = Partition()
    partition.away = True
    replaying = asyncio.create_task(partition.replay(50, Pace(lambda: None, partition.backlog)))
    with capture_logs() as lines:
        await asyncio.sleep(600)
    assert not replaying.done()
    assert [(line["event"], line["why"]) for line in lines] == [("lister.backlog_unknown", "away")]
    partition.away = False
    await asyncio.sleep(10)
    assert replaying.done()


@virtual_time
@pytest.mark.parametrize("rate", [0.1, 1.0, 7.0, 250.0])
async def test_files_go_at_the_rate_that_was_asked_for(rate: float) -> None:
    partition = Partition()

    async def transfer_at_once() -> tuple[int, int]:
        return partition.end, partition.end

    began = now()
    await partition.replay(1_000, Pace(lambda: rate, transfer_at_once))
    seconds = now() - began
    assert 1_000 / rate * 0.9 - 1 <= seconds <= 1_000 / rate + 10


@virtual_time
async def test_a_new_rate_takes_effect_within_two_seconds() -> None:
    partition, rate = Partition(), 0.0

    async def transfer_at_once() -> tuple[int, int]:
        return partition.end, partition.end

    replaying = asyncio.create_task(partition.replay(1_000, Pace(lambda: rate, transfer_at_once)))
    await asyncio.sleep(3_600)
    assert partition.end <= 1
    rate = 1_000.0
    await asyncio.sleep(3)
    assert replaying.done()
    assert partition.end == 1_000
