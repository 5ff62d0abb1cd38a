"""The indexer as a process, on a real Kafka and a real PostgreSQL."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions
from msgspec.structs import replace

from services.adapters.catalog.writer import VERSION
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.settings import Reader
from services.core.topics import FILE_PARTITIONS, FILES_STORED
from services.core.wire import Record, encode
from tests.platform import Platform
from tests.samples import JOB, SAMPLES
from tests.system import System, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
LIMIT = 90  # more than `LOOK_SECONDS`
[STORED] = [event for event in SAMPLES.values() if isinstance(event, e.FileStored)]
SECOND = replace(STORED, file=replace(STORED.file, file_id="second"))


@pytest.fixture
def system(platform: Platform, tmp_path: Path) -> Iterator[System]:
    with running_system(platform, tmp_path / "logs") as system:
        yield system


async def publish(system: System, records: Sequence[Record]) -> None:
    settings = KafkaSettings.read(Reader(system.platform.env))
    async with Publisher(settings, source="test") as publisher:
        await publisher.publish(records)


def add_a_partition(system: System, record: Record) -> None:
    """One partition more than `setup` makes, with this record in it."""
    settings = KafkaSettings.read(Reader(system.platform.env))
    topic = settings.prefixed(record.topic)
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    for future in admin.create_partitions([NewPartitions(topic, FILE_PARTITIONS + 1)]).values():
        future.result(LIMIT)
    # The broker tells of a new partition a little later than it confirms it.
    system.until(lambda: _partitions(admin, topic) > FILE_PARTITIONS, LIMIT, "no new partition")
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    reports: list[KafkaError | None] = []
    producer.produce(
        topic,
        key=record.key,
        value=record.value,
        partition=FILE_PARTITIONS,
        on_delivery=lambda error, _message: reports.append(error),
    )
    producer.flush(LIMIT)
    assert reports == [None]


def _partitions(admin: AdminClient, topic: str) -> int:
    return len(admin.list_topics(topic, timeout=LIMIT).topics[topic].partitions)


def consumed(system: System) -> int:
    """How many records the indexer is past."""
    with system.platform.database() as database:
        (count,) = database.execute("SELECT sum(next_offset) FROM consumed_offsets").fetchall()
    return int(count[0] or 0)


def wait_for_a_word(system: System, word: str) -> str:
    """The end of the log of an indexer that waits, once it has said what for."""
    system.until(lambda: word in system.log("indexer"), LIMIT, lambda: system.log("indexer"))
    return system.log("indexer")


async def test_all_partitions_are_indexed_and_the_endpoint_of_metrics_answers(
    system: System,
) -> None:
    events = (SAMPLES["ImportRequested"], SAMPLES["FolderNamed"], STORED)
    await publish(system, [encode(event, source="test") for event in events])
    add_a_partition(system, encode(SECOND, source="test"))
    system.start("indexer")
    system.until(lambda: consumed(system) == 4, LIMIT, "the records are not indexed")
    with system.platform.database() as database:
        row = database.execute(
            "SELECT name, stored, found FROM imports WHERE id = %s", (JOB,)
        ).fetchone()
    assert row == ("Summer in Tirol", 2, 2)
    assert system.figures("indexer")["drivestream_worker_waiting"] == 0
    assert system.terminate("indexer") == 0


async def test_an_event_of_a_newer_version_is_waited_before_and_not_passed(
    system: System,
) -> None:
    newer = b'{"type":"FileRotated","import_id":"i","file_id":"f"}'
    await publish(system, [Record(topic=FILES_STORED.name, key=b"f", value=newer)])
    system.start("indexer")
    log = wait_for_a_word(system, "FileRotated, which this version does not support")
    assert "Traceback" not in log
    assert consumed(system) == 0
    assert system.records("dead.letters") == []


async def test_the_indexer_waits_before_tables_of_a_newer_version_and_goes_on_by_itself(
    system: System,
) -> None:
    await publish(system, [encode(STORED, source="test")])
    with system.platform.database() as database:
        database.execute("UPDATE alembic_version SET version_num = '9000'")
    system.start("indexer")
    log = wait_for_a_word(system, "version 9000")
    assert "Traceback" not in log
    assert consumed(system) == 0
    with system.platform.database() as database:
        database.execute("UPDATE alembic_version SET version_num = %s", (VERSION,))
    system.until(lambda: consumed(system) == 1, LIMIT, "the indexer does not go on")
