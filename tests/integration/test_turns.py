"""A small import behind a large one on a real Kafka: it is done early, and all of it once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from services.adapters.kafka.flow import Flow
from services.adapters.kafka.group_consumer import GroupConsumer
from services.adapters.kafka.lag import LagReader
from services.adapters.kafka.message_tasks import MessageTasks
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.control import ImportControls
from services.core.ownership import ownership
from services.core.topics import FILES_FOUND
from tests.fakes.messages import Recorder, tasks_of
from tests.fakes.patience import until
from tests.samples import FOUND

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
LARGE, SMALL = 6_000, 60
AT_ONCE, SECONDS, LIMIT = 16, 0.01, 120


def files(import_id: str, count: int) -> Sequence[e.FileFound]:
    ids = [f"{import_id}-{number:05}" for number in range(count)]
    return [
        replace(FOUND, import_id=import_id, file_id=each, replay_id=None, round=0) for each in ids
    ]


async def a_moment(_event: e.Message) -> None:
    await asyncio.sleep(SECONDS)


@asynccontextmanager
async def a_worker(
    settings: KafkaSettings, publisher: Publisher, recorder: Recorder
) -> AsyncIterator[tuple[GroupConsumer, "asyncio.Task[None]"]]:
    controls = ImportControls()
    flow = Flow(looks_ahead=True, drain_seconds=1.0)
    consumer = GroupConsumer(settings, group="turns", topic=FILES_FOUND.name, flow=flow)
    tasks: MessageTasks = tasks_of(recorder, publisher, at_once=AT_ONCE)
    tasks.belongs = lambda headers: ownership(headers, controls.is_bulk)
    running = asyncio.create_task(consumer.run(tasks))
    try:
        yield consumer, running
    finally:
        consumer.stop()
        await asyncio.wait_for(running, 60)


def of(recorder: Recorder, import_id: str) -> list[int]:
    """At which place, of all, each file of the import was done."""
    events = enumerate(recorder.handled)
    return [at for at, event in events if getattr(event, "import_id", "") == import_id]


async def test_a_small_import_is_done_before_a_large_one_that_was_there_before(
    kafka_settings: KafkaSettings,
) -> None:
    recorder = Recorder(a_moment)
    async with Publisher(kafka_settings, source="test") as publisher:
        await publisher.publish(files("large", LARGE))
        await publisher.publish(files("middle", LARGE // 2))
        async with a_worker(kafka_settings, publisher, recorder) as (_, running):
            await until(lambda: len(recorder.handled) > 300 or running.done(), LIMIT)
            await publisher.publish(files("small", SMALL))
            before = len(recorder.handled)
            await until(lambda: len(of(recorder, "small")) == SMALL or running.done(), LIMIT)
            assert of(recorder, "small")[-1] - before < LARGE // 2
            total = LARGE + LARGE // 2 + SMALL
            await until(lambda: len(recorder.handled) >= total or running.done(), LIMIT)
    keys = Counter(recorder.keys)
    assert len(keys) == total
    assert set(keys.values()) == {1}


async def test_the_next_worker_goes_on_where_this_one_left_in_and_out_of_turn(
    kafka_settings: KafkaSettings,
) -> None:
    """Left in order, so that nothing is done twice; and the lag tells of what is left alone."""
    first, second = Recorder(a_moment), Recorder(a_moment)
    async with Publisher(kafka_settings, source="test") as publisher:
        await publisher.publish(files("large", LARGE))
        await publisher.publish(files("small", SMALL))
        async with a_worker(kafka_settings, publisher, first) as (consumer, running):

            def knows_its_lag() -> bool:
                """It is looked at now and then."""
                return len(of(first, "small")) > SMALL // 2 and bool(consumer.lag)

            await until(lambda: knows_its_lag() or running.done(), LIMIT)
            assert not running.done()
        left = LARGE + SMALL - len(first.handled)
        lag = LagReader(kafka_settings, [FILES_FOUND.name], {"turns": [FILES_FOUND.name]})
        positions = await lag.positions()
        lag.close()
        ends = sum(end for _, end in positions.bounds.values())
        committed = positions.committed["turns"]
        finished = positions.finished["turns"]
        assert ends - sum(committed.values()) - sum(finished.values()) == left
        async with a_worker(kafka_settings, publisher, second) as (_, running):
            await until(lambda: len(second.handled) >= left or running.done(), LIMIT)
    keys = Counter([*first.keys, *second.keys])
    assert len(keys) == LARGE + SMALL
    assert set(keys.values()) == {1}


async def test_partitions_move_while_there_is_work_out_of_turn(
    kafka_settings: KafkaSettings,
) -> None:
    """Each gives up its work in order, so nothing is lost and nothing done twice."""
    moved = asyncio.Event()

    async def slowly_at_first(event: e.Message) -> None:
        """However late a busy machine moves the partitions, work out of turn is left."""
        await (a_moment(event) if moved.is_set() else asyncio.sleep(5 * SECONDS))

    first, second = Recorder(slowly_at_first), Recorder(a_moment)
    async with Publisher(kafka_settings, source="test") as publisher:
        await publisher.publish([*files("one", LARGE), *files("other", LARGE)])
        async with a_worker(kafka_settings, publisher, first) as (_, running):
            await until(lambda: len(of(first, "other")) > SMALL or running.done(), LIMIT)
            async with a_worker(kafka_settings, publisher, second) as (joined, _):
                await until(lambda: joined.partitions == 6, LIMIT)
                assert len(of(first, "other")) < LARGE, "no work out of turn is left"
                moved.set()
                done = [first.handled, second.handled]
                await until(lambda: sum(map(len, done)) >= 2 * LARGE, LIMIT)
    keys = Counter([*first.keys, *second.keys])
    assert len(keys) == 2 * LARGE
    assert set(keys.values()) == {1}
    assert second.handled
