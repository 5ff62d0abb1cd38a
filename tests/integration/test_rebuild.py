"""All tables again from the topics, on a real Kafka and PostgreSQL, killed wherever it hurts.

The reference is the log, folded at once and in memory; and the tables as they were before.
"""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from local.paths import CHECKOUT
from services.adapters.catalog.generation import Plan
from services.adapters.catalog.rows import Rows, metadata
from services.adapters.catalog.writer import VERSION, CatalogWriter
from services.adapters.kafka.reader import LogReader
from services.core import events as e
from services.core.errors import Stop
from services.core.murmur2 import partition_of
from services.core.topics import FILE_PARTITIONS, FILES_STORED, NOTIFICATIONS
from services.core.wire import Record, encode
from services.indexer.fold import fold, rows_of
from services.indexer.reading import decoded
from services.indexer.service import CONSUMED
from tests.drawn_histories import History, undecodable
from tests.platform import Platform, emptied
from tests.rebuilds import LIMIT, STEPS, Database, Killed, PollingReaders
from tests.samples import SAMPLES
from tests.system import System, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(500)]
TABLES_OF = {
    "imports": "imports",
    "folders": "import_folders",
    "files": "import_files",
    "images": "images",
    "replays": "replays",
    "replay_files": "replay_files",
}
A_PLAN = Plan(version=VERSION, topic_ids={}, ends=(), partitions=1, slices=1)
[ASKED] = [event for event in SAMPLES.values() if isinstance(event, e.ImportRequested)]
[STORED] = [event for event in SAMPLES.values() if isinstance(event, e.FileStored)]


@pytest.fixture(scope="module")
def database(servers: Mapping[str, str]) -> Iterator[Database]:
    """One log for most tests: each adds to it, and compares before and after."""
    with emptied(servers) as platform:
        yield Database(platform)


@pytest.fixture(scope="module")
def system(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(database.platform, tmp_path_factory.mktemp("logs")) as system:
        yield system


@pytest.fixture
def empty(platform: Platform) -> Database:
    """With a log of its own, and no indexer beside."""
    return Database(platform)


def rebuild(database: Database, on_call: Callable[[str], None] = lambda _: None) -> None:
    """In this process."""
    with database.rebuild(on_call) as rebuilding:
        rebuilding.run()


def index(system: System, database: Database) -> None:
    """Have the indexer read all that is in the log."""
    if "indexer" not in system.processes or not system.processes["indexer"].running:
        system.start("indexer")
    with closing(LogReader(database.kafka, client_id="test")) as reader:
        expected = sum(
            reader.ends(topic.name, partition)[1]
            for topic in CONSUMED
            for partition in reader.partitions(topic.name)
        )
    system.until(lambda: _consumed(database) == expected, LIMIT, "the log is not indexed")


def _consumed(database: Database) -> int:
    with database.platform.database() as connection:
        (row,) = connection.execute("SELECT sum(next_offset) FROM consumed_offsets").fetchall()
    return int(row[0] or 0)


def folded_log(system: System) -> Rows:
    """The whole log, folded at once."""
    raws = [raw for topic in CONSUMED for raw in system.records(topic.name)]
    return fold(Rows(), rows_of(decoded(raws)[0]))


def loaded(database: Database, wanted: Rows) -> Rows:
    """What the tables hold of these rows."""
    with closing(CatalogWriter(database.settings)) as writer:
        return writer.load(wanted)


def assert_tables_are_the_log(system: System, database: Database) -> None:
    """Every row is that of the fold, and there is no other."""
    expected = folded_log(system)
    assert loaded(database, expected) == expected
    dump = database.dump()
    for field, table in TABLES_OF.items():
        assert len(dump[table]) == len(getattr(expected, field)), table


def test_a_rebuild_changes_no_row_and_the_indexer_goes_on(
    system: System, database: Database
) -> None:
    history = History(seed=1, count=2000)
    database.publish(history.records[:1500])
    index(system, database)
    before = database.dump()
    code, printed, said = database.run("--json")
    assert code == 0, said
    assert json.loads(printed)["state"] == "done"
    steps = [json.loads(line) for line in said.splitlines()]
    assert all(0 <= step["done"] <= 1 for step in steps)
    assert {"listings", "outcomes", "images", "indexes", "catching up"} <= {
        step["step"] for step in steps
    }
    assert database.dump() == before
    assert database.schemas() == {"public"}
    database.publish(history.records[1500:])
    index(system, database)
    assert_tables_are_the_log(system, database)


def test_killed_at_random_times_while_events_arrive_it_counts_each_event_once(
    system: System, database: Database
) -> None:
    draw = random.Random(1)
    late = History(seed=2, count=1000).records
    index(system, database)
    for _ in range(3):
        child = database.start()
        until = time.monotonic() + draw.uniform(0.5, 2.5)
        while time.monotonic() < until and child.poll() is None:
            database.publish(late[:20])
            late = late[20:]
        child.kill()
        child.communicate(timeout=LIMIT)
    code, _, said = database.run()
    assert code == 0, said
    index(system, database)
    assert_tables_are_the_log(system, database)
    assert database.schemas() == {"public"}


def test_killed_after_each_of_its_steps_it_ends_with_the_same_rows(
    system: System, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.indexer.rebuilding.RECORDS_A_PART", 100)
    database.publish(History(seed=7, count=1500).records)
    index(system, database)
    before = database.dump()
    steps: Counter[str] = Counter()

    def die_once(step: str) -> None:
        steps[step] += 1
        if steps[step] == 1:
            raise Killed(step)

    while True:
        try:
            rebuild(database, die_once)
            break
        except Killed:
            assert database.dump() == before
    assert steps.keys() == STEPS
    assert steps["save_part"] > FILE_PARTITIONS  # they were read in slices
    assert database.dump() == before
    assert database.schemas() == {"public"}


def test_it_ends_while_events_arrive_and_the_indexer_counts_them(
    system: System, database: Database
) -> None:
    records = History(seed=11, count=2000).records
    index(system, database)
    done = threading.Event()

    def publish() -> None:
        brokers = {"bootstrap.servers": database.kafka.bootstrap_servers}
        producer = Producer({**brokers, "partitioner": "murmur2_random"})
        for record in itertools.cycle(records):
            topic = database.kafka.prefixed(record.topic)
            producer.produce(topic, key=record.key, value=record.value)
            producer.flush(LIMIT)
            if done.wait(0.005):
                return

    tries: list[str] = []
    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        rebuild(database, tries.append)
        assert publishing.is_alive()
    finally:
        done.set()
        publishing.join()
    assert tries.count("swap") <= 10  # mostly one; a busy machine is in the way of itself
    index(system, database)
    assert_tables_are_the_log(system, database)


def test_from_nothing_two_rebuilds_give_the_same_ids_wherever_the_events_lie(
    empty: Database,
) -> None:
    empty.publish(History(seed=5, count=700).records)
    dumps = []
    for _ in range(2):
        with empty.platform.database() as connection:
            names = ", ".join(metadata.tables)
            connection.execute(f"TRUNCATE {names} RESTART IDENTITY".encode())
        rebuild(empty)
        dumps.append(empty.dump())
    assert dumps[0] == dumps[1]
    with empty.platform.database() as connection:
        ordered = connection.execute("SELECT created_at FROM images ORDER BY id").fetchall()
    assert len(ordered) > 100
    assert ordered == sorted(ordered)

    record = encode(STORED, source="test")
    producer = Producer({"bootstrap.servers": empty.kafka.bootstrap_servers})
    for partition in range(3):
        topic = empty.kafka.prefixed(record.topic)
        producer.produce(topic, key=record.key, value=record.value, partition=partition)
    producer.flush(LIMIT)
    rebuild(empty)
    indexed = empty.dump()
    rebuild(empty)
    assert empty.dump() == indexed
    assert [row for row in indexed["images"] if STORED.file.file_id in row]


def test_readers_never_meet_an_error_or_an_empty_table(system: System, database: Database) -> None:
    database.publish(History(seed=6, count=500).records)
    index(system, database)
    with PollingReaders(database, database.dump()) as readers:
        met = 0
        for _ in range(10):  # on a busy machine a rebuild may be over before a reader is answered
            before = list(readers.asked)
            rebuild(database)
            met += all(now > then for now, then in zip(readers.asked, before, strict=True))
            if met == 2:
                break
        assert met == 2
    assert readers.wrong == []


def test_a_reader_that_stays_delays_the_swap_and_a_stop_meanwhile_loses_nothing(
    system: System, database: Database
) -> None:
    index(system, database)
    before = database.dump()
    with psycopg.connect(database.platform.env["DATABASE_URL"]) as reading:
        reading.execute("SELECT count(*) FROM images")
        child = database.start()
        system.until(lambda: "public_rebuild" in database.schemas(), LIMIT, "nothing begun")
        code, _, said = database.run()
        assert code == 1
        assert "Another rebuild of this database is running." in said
        assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        _, said = child.communicate(timeout=LIMIT)
        assert child.returncode == 130
        assert "Run the command again to continue" in said
        assert "Traceback" not in said
        assert database.schemas() == {"public", "public_rebuild"}

        def die_at_the_third_try(step: str) -> None:
            tried[step] += 1
            if tried["swap"] == 3:
                raise Killed

        tried: Counter[str] = Counter()
        with pytest.raises(Killed):
            rebuild(database, die_at_the_third_try)
        assert database.dump() == before
    rebuild(database)
    assert database.dump() == before
    assert database.schemas() == {"public"}


def test_what_the_indexer_has_met_already_is_no_dead_letter_again(
    system: System, database: Database
) -> None:
    database.publish([encode(STORED, source="test"), undecodable(FILES_STORED.name, b"k")])
    index(system, database)
    # One record may have two letters: an indexer that is overtaken reads its batch again.
    told = {raw.key for raw in system.records("dead.letters")}
    assert told == {b"k"}
    assert system.terminate("indexer") == 0
    database.publish([undecodable(FILES_STORED.name, b"another")])
    rebuild(database)
    assert [raw.key for raw, _ in database.letters] == [b"another"]


def test_an_end_that_only_the_rebuild_has_read_is_told_and_no_other(
    system: System, database: Database
) -> None:
    def cancelled(id: str) -> list[Record]:
        asked = replace(ASKED, import_id=id)
        events = asked, e.ImportCancelled(import_id=id, epoch=1, at=asked.requested_at)
        return [encode(event, source="test") for event in events]

    database.publish(cancelled("ended-before"))
    index(system, database)
    published = [raw.key for raw in system.records(NOTIFICATIONS.name)]
    assert published.count(b"ended-before") == 1
    assert system.terminate("indexer") == 0
    database.publish(cancelled("ended-meanwhile"))
    database.told.clear()
    rebuild(database)
    assert [event.key for event in database.told] == ["ended-meanwhile"]
    rebuild(database)
    assert len(database.told) == 1


def test_rights_and_indexes_that_an_operator_added_stay(system: System, database: Database) -> None:
    role = f"reader_{os.getpid()}"
    index(system, database)
    with database.platform.database() as connection:
        connection.execute(f"CREATE ROLE {role}".encode())
        try:
            connection.execute(f"GRANT SELECT ON images TO {role}".encode())
            connection.execute("CREATE INDEX by_size ON images (size) WHERE size > 3")
            indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            before = sorted(connection.execute(indexes.encode()).fetchall())
            rebuild(database)
            assert sorted(connection.execute(indexes.encode()).fetchall()) == before
            row = connection.execute(
                "SELECT has_table_privilege(%s, 'images', 'SELECT'), "
                "has_table_privilege(%s, 'images', 'INSERT')",
                (role, role),
            ).fetchone()
            assert row == (True, False)
        finally:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


def test_views_on_the_tables_are_named_and_nothing_is_begun(database: Database) -> None:
    with database.platform.database() as connection:
        connection.execute("CREATE VIEW large AS SELECT * FROM images WHERE size > 1000")
        try:
            with pytest.raises(Stop, match="would keep reading the old tables: large"):
                rebuild(database)
        finally:
            connection.execute("DROP VIEW large")
    assert database.schemas() == {"public"}


def test_the_command_line_hands_its_options_on(database: Database) -> None:
    with database.rebuild() as begun:
        begun.generation.begin(A_PLAN, {})
    command = [sys.executable, "-m", "local", "rebuild-index", "--discard", "--json"]
    env = {**os.environ, **database.platform.env, "DATA_DIR": "/nowhere"}
    done = subprocess.run(
        command, env=env, cwd=CHECKOUT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["message"] == "The new tables were removed."
    assert database.schemas() == {"public"}


def test_another_log_or_one_whose_beginning_is_gone_is_refused(empty: Database) -> None:
    record = encode(STORED, source="test")
    empty.publish([record])
    rebuild(empty)
    with empty.platform.database() as connection:
        connection.execute("UPDATE consumed_offsets SET topic_id = 'another-' || topic_id")
        with pytest.raises(Stop, match="built from a different Kafka log"):
            rebuild(empty)
        connection.execute(
            "UPDATE consumed_offsets SET topic_id = replace(topic_id, 'another-', '')"
        )
    before = empty.dump()
    admin = AdminClient({"bootstrap.servers": empty.kafka.bootstrap_servers})
    topic = empty.kafka.prefixed(record.topic)
    partition = partition_of(record.key, FILE_PARTITIONS)
    for future in admin.delete_records([Place(topic, partition, 1)]).values():
        future.result(LIMIT)
    with pytest.raises(Stop, match="has deleted the first 1 record"):
        rebuild(empty)
    assert empty.dump() == before
    assert empty.schemas() == {"public"}
