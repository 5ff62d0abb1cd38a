"""A replay on real servers: every service is killed midway, and every row is right in the end."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from psycopg.rows import tuple_row

from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import LogReader
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core import topics
from services.core.settings import Reader
from services.core.wire import decode
from tests.platform import Platform
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
FILES, REPLAY = 240, "replay-test"
Key = tuple[str, str]


async def request(system: System, **changes: object) -> e.ReplayRequested:
    """Ask for a replay of all that the log holds now."""
    settings = KafkaSettings.read(Reader(system.platform.env))
    reader = LogReader(settings, client_id="test-ends")
    names = (topics.FILES_FOUND, topics.FILES_STORED, topics.FILES_FAILED)
    ends = [
        e.LogEnd(topic=topic.name, partition=p, offset=reader.ends(topic.name, p)[1])
        for topic in names
        for p in range(topic.partitions)
    ]
    reader.close()
    fields: dict[str, object] = {
        "import_id": REPLAY,
        "name": "A test",
        "why": "To be killed.",
        "at": datetime.now(UTC),
        "round": 1,
        "select": e.Selection(outcomes=("stored", "failed")),
        "scope": e.ReplayScope.ALL,
        "transfer": e.Mode.FORCE,
        "ends": tuple(ends),
    }
    replay = e.ReplayRequested(**(fields | changes))  # type: ignore[arg-type]
    async with Publisher(settings, source="test") as publisher:
        await publisher.publish([replay])
    return replay


def replay_row(system: System) -> tuple[str, int, int, int, int, int]:
    """State, selected, stored, unchanged, failed, pending."""
    columns = "state, selected, stored, unchanged, failed, pending"
    with system.platform.database() as database:
        cursor = database.cursor(row_factory=tuple_row)
        found = cursor.execute(
            f"SELECT {columns} FROM replays WHERE id = %s".encode(), (REPLAY,)
        ).fetchone()
    return found or ("", 0, 0, 0, 0, 0)


def has_stored(system: System, count: int) -> bool:
    return replay_row(system)[2] >= count


def events(system: System, topic: str) -> list[e.Message]:
    return [decode(record.topic, record.value) for record in system.records(topic)]


def folded(system: System) -> dict[Key, str]:
    """What came of each file in the replay, by the log alone."""
    states: defaultdict[Key, set[str]] = defaultdict(set)
    for event in (*events(system, "files.stored"), *events(system, "files.failed")):
        match event:
            case e.FileStored(file=file) if file.replay_id == REPLAY:
                state = "unchanged" if event.unchanged else "stored"
                states[event.import_id, file.file_id].add(state)
            case e.FileFailed(file=e.FileFound(replay_id="replay-test")):
                states[event.import_id, event.file_id].add("failed")
    order = ("stored", "unchanged", "failed")
    return {key: min(seen, key=order.index) for key, seen in states.items()}


def told(system: System) -> set[Key]:
    """The files that the parts said they selected."""
    parts = [x for x in events(system, "imports.listed") if isinstance(x, e.LogPartReplayed)]
    assert {part.partition for part in parts if part.last} == set(range(topics.FILE_PARTITIONS))
    return {(file.import_id, file.file_id) for part in parts for file in part.files}


async def test_a_replay_killed_at_half_in_every_service_ends_whole(
    platform: Platform, tmp_path: Path
) -> None:
    with running_system(platform, tmp_path) as system:
        tree = {"name": "replayed", "pictures": FILES, "size": 8192, "depth": 1, "fan_out": 4}
        folder = system.drive.add_tree(tree, render=True)
        system.start("api", "indexer", "lister", "transfer")
        system.wait_ready()
        job = system.post_import(link(folder))
        assert system.wait_import(job, 120)["stored"] == FILES
        await request(system, files_per_second=40)
        for name in ("lister", "transfer", "indexer", "lister"):
            enough = min(replay_row(system)[2] + 20, FILES)
            system.until(partial(has_stored, system, enough), 120, "the replay stands still")
            system.kill(name)
            system.restart(name)
        system.until(lambda: replay_row(system)[0] == "completed", 180, "the replay does not end")
        done = folded(system)
        assert set(done) == told(system)
        assert {file for _, file in done} == {
            x.file_id for x in events(system, "files.found") if isinstance(x, e.FileFound)
        }
        counts = Counter(done.values())
        row = ("completed", FILES, counts["stored"], counts["unchanged"], counts["failed"], 0)
        assert replay_row(system) == row
        with system.platform.database() as database:
            rows = database.execute(
                "SELECT import_id, file_id, state FROM replay_files WHERE replay_id = %s", (REPLAY,)
            ).fetchall()
        assert {(owner, file): state for owner, file, state in rows} == done
        assert system.counted(job) == Counter(done.values())
        assert system.get(f"/imports/{job}")["state"] == "completed"


async def test_a_replay_of_nothing_completes_at_once(platform: Platform, tmp_path: Path) -> None:
    with running_system(platform, tmp_path) as system:
        system.start("api", "indexer", "lister")
        system.wait_ready()
        await request(system, select=e.Selection(imports=("import-that-never-was",)))
        system.until(lambda: replay_row(system)[0] == "completed", 60, "it does not complete")
        assert replay_row(system)[1] == 0
