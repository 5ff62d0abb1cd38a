"""Replays on one real system: planned, started and controlled from the command line, and killed in
every service on the way. Every row is compared with a fold of the log that is written here.

The tests build on each other's import, in order.
"""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from psycopg.rows import tuple_row

from local.paths import CHECKOUT
from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.reader import Raw
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.settings import Reader
from services.core.topics import DEAD_LETTERS, FILES_FOUND, IMPORTS_PAGES, Topic, feed_of
from services.core.wire import Record, decode
from tests.platform import emptied
from tests.system import ENDED, System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(500)]
GOOD, GONE = 60, 6
FILES = GOOD + GONE
START = {"name": "outage", "why": "The folder was locked by mistake."}
SERVICES = ("api", "lister", "transfer", "indexer")
Key = tuple[str, str]
Found = Mapping[Key, tuple[object, ...]]


@dataclass
class Ran:
    """How a command ended, and what it printed as JSON."""

    code: int
    answer: Any
    said: str


@dataclass
class Drivestream:
    """The command line, which finds the API by its environment."""

    system: System

    def __call__(self, *words: str, text: str = "") -> Ran:
        ran = subprocess.run(
            [sys.executable, "-m", "local", "replay", *words, "--json"],
            input=text,
            cwd=CHECKOUT,
            env={**self.system.env, "DRIVESTREAM_URL": self.system.api_url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ran(ran.returncode, json.loads(ran.stdout) if ran.stdout else None, ran.stderr)


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    with (
        TemporaryDirectory(prefix="drivestream-replay-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs), {"STALLED_AFTER_SECONDS": "2"}) as system,
    ):
        system.start(*SERVICES)
        system.wait_ready()
        yield system


@pytest.fixture(scope="module")
def job(system: System) -> str:
    """An import some files of which failed, and could be fetched now."""
    names = [f"good-{n}.jpg" for n in range(GOOD)] + [f"gone-{n}.jpg" for n in range(GONE)]
    items = [{"path": name, "size": 6_000} for name in names]
    folder = system.drive.add_tree({"name": "replayed", "items": items}, render=True)
    system.drive.fault({"do": "refuse", "reason": "notFound"}, kinds=["media"], name="gone-*")
    job = system.post_import(link(folder))
    row = system.wait_import(job, 120)
    assert (row["stored"], row["failed"]) == (GOOD, GONE)
    system.drive.clear_faults()
    return job


@pytest.fixture
def replay(system: System) -> Drivestream:
    return Drivestream(system)


def planned(system: System, select: Mapping[str, object], mode: str = "all", **more: str) -> Any:
    status, plan = system.post("/replays/plan", {"select": select, "mode": mode, **more})
    assert status == 200, plan
    return plan


def started(system: System, plan: Mapping[str, Any], **more: object) -> str:
    """The id of a replay."""
    status, answer = system.post("/replays", {"plan_id": plan["plan_id"], **START, **more})
    assert status == 202, answer
    id: str = answer["replay_id"]
    return id


def ended(system: System, replay_id: str) -> Any:
    """The report of a replay, once it has ended."""

    def is_over() -> bool:
        return system.get(f"/replays/{replay_id}")["state"] in ENDED

    system.until(is_over, 180, "the replay does not end")
    return system.get(f"/replays/{replay_id}")


def outcomes(system: System) -> list[e.Outcome]:
    """All of them, in the log's order within each partition."""
    records = [*system.records("files.stored"), *system.records("files.failed")]
    found = (decode(record.topic, record.value) for record in records)
    return [event for event in found if isinstance(event, e.FileStored | e.FileFailed)]


def facts(event: e.Outcome) -> tuple[object, ...]:
    """State, reason and round."""
    if isinstance(event, e.FileFailed):
        return "failed", event.reason, event.round
    return "unchanged" if event.unchanged else "stored", None, event.round


def best(events: Sequence[e.Outcome]) -> tuple[object, ...]:
    """Of outcomes of one version: stored, else unchanged, else failed; of these the newest."""
    order = ("stored", "unchanged", "failed")
    return min(map(facts, events), key=lambda fact: (order.index(str(fact[0])), -int(str(fact[2]))))


def folded(system: System, replay_id: str | None = None) -> Found:
    """What came of each file of each import, or of a replay, by the log alone."""
    by_file: defaultdict[Key, list[e.Outcome]] = defaultdict(list)
    for event in outcomes(system):
        file = event.file
        assert file is not None
        if replay_id is None or file.replay_id == replay_id:
            by_file[event.import_id, file.file_id].append(event)
    return {key: best(events) for key, events in by_file.items()}


def rows(system: System, query: str, *values: str) -> list[tuple[Any, ...]]:
    with system.platform.database() as database:
        cursor = database.cursor(row_factory=tuple_row)
        return cursor.execute(query.encode(), values).fetchall()


def assert_rows_are_the_log(system: System, *replays: str) -> None:
    """Files of imports, images, and files of these replays, all as the fold says."""
    files = rows(system, "SELECT import_id, file_id, state, reason, round FROM import_files")
    assert {(job, file): tuple(rest) for job, file, *rest in files} == folded(system)
    stored = [event for event in outcomes(system) if isinstance(event, e.FileStored)]
    images = rows(system, "SELECT google_drive_id, storage_path, size, md5 FROM images")
    assert {id: tuple(rest) for id, *rest in images} == {
        x.key: (f"s3://{x.bucket}/{x.object_key}", x.size, x.file.md5) for x in stored
    }
    for id in replays:
        own = rows(
            system,
            "SELECT import_id, file_id, state, reason FROM replay_files WHERE replay_id = %s",
            id,
        )
        fold = {key: fact[:2] for key, fact in folded(system, id).items()}
        assert {(job, file): tuple(rest) for job, file, *rest in own} == fold
        row, counts = system.get(f"/replays/{id}"), Counter(fact[0] for fact in fold.values())
        assert (row["selected"], row["pending"]) == (len(fold), 0)
        assert {s: row[s] for s in ("stored", "unchanged", "failed")} == {
            s: counts[s] for s in ("stored", "unchanged", "failed")
        }


def test_what_failed_is_planned_started_and_watched_to_its_end(
    system: System, job: str, replay: Drivestream
) -> None:
    ran = replay("plan", "--mode", "failed", "--import", job)
    assert ran.code == 0, ran.said
    plan = ran.answer
    assert (plan["files"], plan["by_outcome"]) == (GONE, {"failed": GONE})
    assert (plan["by_import"], plan["quota_units"], plan["unread"]) == ({job: GONE}, 200 * GONE, 0)
    assert plan["earliest"] is not None
    words = [f"--{option}={value}" for option, value in START.items()]
    ran = replay("start", "-", *words, "--watch", text=json.dumps(plan))
    assert ran.code == 0, (ran.said, ran.answer)
    shown = ran.answer
    assert (shown["state"], shown["selected"], shown["plan"]["files"]) == ("completed", GONE, GONE)
    assert (shown["stored"], shown["reading"], len(shown["partitions"])) == (GONE, [], 12)
    assert system.get(f"/imports/{job}")["stored"] == FILES
    again = planned(system, {"imports": [job]}, "failed")
    assert again["files"] == 0
    row = ended(system, started(system, again))
    assert (row["state"], row["message"]) == ("completed", "The replay selected no files.")
    assert_rows_are_the_log(system, shown["id"])


def test_a_replay_is_paused_hurried_resumed_cancelled_and_listed(
    system: System, job: str, replay: Drivestream
) -> None:
    plan = planned(system, {"imports": [job]}, transfer="force")
    assert (plan["files"], plan["no_op"]) == (FILES, 0)
    id = started(system, plan, files_per_second=1)
    assert replay("pause", id).answer["state"] == "paused"
    assert replay("rate", id, "2").answer["files_per_second"] == 2
    assert replay("resume", id).answer["state"] in ("planned", "running")
    assert replay("cancel", id).answer["state"] == "cancelled"
    assert replay("watch", id).code == 5
    [newest, *_] = replay("list").answer
    assert (newest["id"], newest["name"], newest["state"]) == (id, "outage", "cancelled")


def test_a_replay_killed_in_every_service_beside_another_one_ends_whole(
    system: System, job: str
) -> None:
    first = started(
        system, planned(system, {"imports": [job]}, transfer="force"), files_per_second=20
    )
    query = "SELECT stored FROM replays WHERE id = %s"

    def has_stored(count: int) -> None:
        system.until(
            lambda: rows(system, query, first) >= [(count,)], 120, "the replay stands still"
        )

    has_stored(10)
    for name in SERVICES:
        system.kill(name)
    for name in SERVICES:
        system.restart(name)
    system.wait_ready()
    second = started(system, planned(system, {"outcomes": ["stored"]}, transfer="check"))
    has_stored(30)
    for name in ("lister", "transfer", "indexer"):
        system.kill(name)
        system.restart(name)
    for id, states in ((first, {"stored": FILES}), (second, {"unchanged": FILES})):
        row = ended(system, id)
        assert (row["state"], row["selected"], row["failed"]) == ("completed", FILES, 0)
        assert {state: row[state] for state in states} == states
    assert_rows_are_the_log(system, first, second)
    import_row = system.get(f"/imports/{job}")
    assert (import_row["state"], import_row["stored"]) == ("completed", FILES)
    third = ended(system, started(system, planned(system, {"imports": [second]}, "verify")))
    assert (third["depth"], third["unchanged"]) == (1, FILES)
    assert_rows_are_the_log(system, third["id"])


def test_a_replay_whose_messages_are_gone_heals_itself(
    system: System, job: str, replay: Drivestream
) -> None:
    plan = planned(system, {"imports": [job]}, "verify")
    id = started(system, plan, files_per_second=1)
    system.until(lambda: system.get(f"/replays/{id}")["selected"] > 5, 90, "it does not begin")
    assert system.terminate("lister") == 0
    deleted(system, {place: -1 for place in all_of(IMPORTS_PAGES)})
    assert replay("rate", id, "500").code == 0
    system.restart("lister")
    row, files = ended(system, id), plan["files"]
    assert (row["state"], row["selected"], row["unchanged"]) == ("completed", files, files)
    events = [decode(raw.topic, raw.value) for raw in system.records("imports.requested")]
    assert id in {event.import_id for event in events if isinstance(event, e.ImportStalled)}
    assert_rows_are_the_log(system, id)


def all_of(topic: Topic) -> list[tuple[str, int]]:
    return [(topic.name, partition) for partition in range(topic.partitions)]


def deleted(system: System, before: Mapping[tuple[str, int], int]) -> None:
    """Delete the records before these offsets, as retention does; -1 is the end."""
    kafka = KafkaSettings.read(Reader(system.platform.env))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    places = [
        TopicPartition(kafka.prefixed(topic), partition, offset)
        for (topic, partition), offset in before.items()
    ]
    for removed in admin.delete_records(places).values():
        removed.result(60)


async def test_a_dead_letter_whose_cause_is_mended_is_redriven(system: System, job: str) -> None:
    """As if a version before this one could not have read it."""
    [found, *_] = system.records(FILES_FOUND.name)
    settings = KafkaSettings.read(Reader(system.platform.env))
    async with Publisher(settings, source="test") as publisher:
        await publisher.publish([a_letter(found)])
    [letter] = system.get("/dead-letters")
    assert (letter["topic"], letter["reason"]) == (FILES_FOUND.name, "undecodable_event")
    plan = planned(system, {"dead_letters": True, "imports": [job]})
    assert (plan["files"], plan["ends"][0]["offset"]) == (1, 1)
    row = ended(system, started(system, plan))
    assert (row["state"], row["redriven"], row["selected"]) == ("completed", 1, 0)
    [again] = [raw for raw in system.records(FILES_FOUND.name) if "ce_redrives" in raw.headers]
    assert (again.key, again.value) == (found.key, found.value)


def test_one_new_consumer_is_told_of_the_past_and_nobody_else_is_moved(
    system: System, job: str, replay: Drivestream
) -> None:
    before = {topic: len(system.records(topic)) for topic in ("files.found", "files.stored")}
    ran = replay("plan", "--mode=all", "--import", job, "--to=thumbnails")
    assert (ran.answer["files"], ran.answer["quota_units"]) == (FILES, 0)
    row = ended(system, started(system, ran.answer))
    assert (row["state"], row["redriven"], row["plan"]["target"]) == (
        "completed",
        FILES,
        "thumbnails",
    )
    feed = system.records(feed_of("thumbnails").name)
    written = {(raw.key, raw.value, raw.partition) for raw in system.records("files.stored")}
    assert {(raw.key, raw.value, raw.partition) for raw in feed} <= written
    assert len({raw.key for raw in feed}) == len(feed) == FILES
    assert {topic: len(system.records(topic)) for topic in before} == before


def a_letter(found: Raw) -> Record:
    told = {
        "dlq_original_topic": found.topic,
        "dlq_original_bytes": str(len(found.value or b"")),
        "dlq_error_code": "undecodable_event",
    }
    headers = {**found.headers, **{name: value.encode() for name, value in told.items()}}
    return Record(
        topic=DEAD_LETTERS.name,
        key=found.key or b"",
        value=found.value or b"",
        headers=[*headers.items()],
    )


def test_a_plan_that_retention_has_passed_is_refused(
    system: System, job: str, replay: Drivestream
) -> None:
    plan = planned(system, {"imports": [job]})
    ends = [end for end in plan["ends"] if end["topic"] == FILES_FOUND.name and end["offset"]]
    first = ends[0]
    deleted(system, {(FILES_FOUND.name, first["partition"]): first["offset"]})
    ran = replay("start", plan["plan_id"], *(f"--{k}={v}" for k, v in START.items()))
    assert (ran.code, ran.answer["code"]) == (1, "plan_expired")
    assert f"starts at {first['offset']}" in ran.answer["error"]
