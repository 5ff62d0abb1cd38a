"""What a fetch brings of a partition reaches Faust's streams as one message, and is committed
whole; changelogs come record by record."""

import asyncio
import importlib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers import aiokafka
from faust.types import TP

from services.adapters.kafka.faust_app import FaustApp
from services.adapters.kafka.settings import KafkaSettings

Fetcher = importlib.import_module("aiokafka.consumer.fetcher").Fetcher  # it has no types
FOUND, CHANGES = TP("files.found", 3), TP("monitor.windows", 0)


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A consumer as the app makes it, whose fetches bring `fetched` records."""
    fetched: Mapping[TP, list[Any]] = {
        FOUND: [_record(FOUND, offset) for offset in (7, 8, 11)],
        TP("files.found", 4): [],
        CHANGES: [_record(CHANGES, offset) for offset in (0, 1)],
    }

    async def fetch(*_args: object, **_kwargs: object) -> Mapping[TP, list[Any]]:
        return fetched

    monkeypatch.setattr(aiokafka.Consumer, "_getmany", fetch)
    app = FaustApp(
        settings=KafkaSettings(bootstrap_servers="here:1"),
        group="monitor",
        topics=("files.found",),
        changelog="monitor.windows",
        restored=lambda _values: None,
        record=lambda _raw: None,
    )._made(str(tmp_path))
    app.tables.changelog_topics.add(CHANGES.topic)
    return app.consumer


def _record(place: TP, offset: int) -> SimpleNamespace:
    return SimpleNamespace(
        topic=place.topic,
        partition=place.partition,
        offset=offset,
        timestamp=1_000 + offset,
        timestamp_type=0,
        key=b"k",
        value=b"v",
        checksum=None,
        serialized_key_size=1,
        serialized_value_size=1,
        headers=(),
    )


async def test_records_of_a_partition_are_one_message(consumer: Any) -> None:
    given = await consumer._getmany(set(), 1.0)
    assert set(given) == {FOUND, CHANGES}
    [batch] = [consumer._to_message(FOUND, each) for each in given[FOUND]]
    assert (batch.tp, batch.offset, batch.timestamp) == (FOUND, 11, 1.011)
    assert [record.offset for record in batch.records] == [7, 8, 11]


async def test_a_changelog_comes_record_by_record(consumer: Any) -> None:
    given = await consumer._getmany(set(), 1.0)
    messages = [consumer._to_message(CHANGES, each) for each in given[CHANGES]]
    assert [(each.offset, each.value) for each in messages] == [(0, b"v"), (1, b"v")]


async def test_a_batch_is_committed_once_it_is_done(consumer: Any) -> None:
    consumer.app.topics._acking_topics.add(FOUND.topic)
    consumer._committed_offset[FOUND] = 7
    [given] = (await consumer._getmany(set(), 1.0))[FOUND]
    batch = consumer._to_message(FOUND, given)
    batch.incref()
    assert consumer._new_offset(FOUND) is None
    batch.ack(consumer)
    assert consumer._new_offset(FOUND) == 12
    assert consumer._new_offset(FOUND) is None


def test_a_changelog_that_nobody_reads_any_more_is_no_stream_that_hangs(
    consumer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[TP] = []

    def verify(_thread: object, _now: float, place: TP) -> None:
        verified.append(place)

    monkeypatch.setattr(aiokafka.AIOKafkaConsumerThread, "verify_event_path", verify)
    for place in (FOUND, CHANGES):
        consumer.verify_event_path(0.0, place)
    assert verified == [FOUND]


async def test_a_thread_stops_while_a_fetch_waits_for_a_lost_broker(consumer: Any) -> None:
    """aiokafka's own way to close its fetches raises what it has cancelled."""
    asking, fetching = (asyncio.create_task(asyncio.sleep(60)) for _ in range(2))
    await asyncio.sleep(0)
    fetcher: Any = SimpleNamespace(
        _fetch_task=asking, _fetch_waiters=set(), _pending_tasks={fetching}
    )
    thread = consumer._new_consumer_thread()
    thread._consumer = SimpleNamespace(stop=lambda: Fetcher.close(fetcher))
    try:
        await thread.on_thread_stop()
    finally:
        thread.thread_loop.close()
    assert fetching.cancelled()
