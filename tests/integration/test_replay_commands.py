"""The command line plans, starts and controls replays, on a whole real system."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from local.paths import CHECKOUT
from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.settings import Reader
from services.core.topics import FILES_FOUND
from services.core.wire import decode
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
GOOD, GONE = 40, 6
FILES = GOOD + GONE
START = ("--name", "outage", "--why", "The folder was locked by mistake.")


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
        running_system(platform, Path(logs)) as system,
    ):
        system.start("api", "lister", "transfer", "indexer")
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
    row = system.wait_import(job, 60)
    assert (row["stored"], row["failed"]) == (GOOD, GONE)
    system.drive.clear_faults()
    return job


@pytest.fixture
def replay(system: System) -> Drivestream:
    return Drivestream(system)


def planned(replay: Drivestream, *words: str) -> tuple[Any, str]:
    """A plan, and its JSON to be piped into a start."""
    ran = replay("plan", *words)
    assert ran.code == 0, ran.said
    return ran.answer, json.dumps(ran.answer)


def asked(system: System) -> list[e.ReplayRequested]:
    events = [decode(raw.topic, raw.value) for raw in system.records("imports.requested")]
    return [event for event in events if isinstance(event, e.ReplayRequested)]


def test_what_failed_is_planned_started_and_watched_to_its_end(
    system: System, job: str, replay: Drivestream
) -> None:
    plan, text = planned(replay, "--mode", "failed", "--import", job)
    assert (plan["files"], plan["by_outcome"]) == (GONE, {"failed": GONE})
    assert (plan["by_import"], plan["quota_units"], plan["unread"]) == ({job: GONE}, 200 * GONE, 0)
    assert plan["earliest"] is not None
    assert asked(system) == []
    ran = replay("start", "-", *START, "--watch", text=text)
    assert ran.code == 0, (ran.said, ran.answer)
    shown = ran.answer
    assert (shown["state"], shown["selected"], shown["plan"]["files"]) == ("completed", GONE, GONE)
    assert shown["stored"] == GONE
    assert shown["reading"] == []
    assert all(part["done"] for part in shown["partitions"])
    assert system.get(f"/imports/{job}")["stored"] == FILES
    again, text = planned(replay, "--mode", "failed", "--import", job)
    assert again["files"] == 0
    ran = replay("start", "-", *START, "--watch", text=text)
    assert (ran.code, ran.answer["state"], ran.answer["selected"]) == (0, "completed", 0)


def test_a_replay_is_paused_resumed_hurried_listed_and_watched(
    system: System, job: str, replay: Drivestream
) -> None:
    plan, text = planned(replay, "--mode", "all", "--transfer", "force", "--import", job)
    assert (plan["files"], plan["no_op"]) == (FILES, 0)
    ran = replay("start", "-", *START, "--rate", "2", "--idempotency-key", "k", text=text)
    assert ran.code == 0, ran.said
    id = ran.answer["replay_id"]
    repeated = replay("start", "-", *START, "--rate", "2", "--idempotency-key", "k", text=text)
    assert repeated.answer == ran.answer
    other = replay("start", "-", *START, "--rate", "3", "--idempotency-key", "k", text=text)
    assert (other.code, other.answer["code"]) == (1, "other_replay")
    assert replay("pause", id).answer["state"] == "paused"
    assert replay("rate", id, "500").answer["files_per_second"] == 500
    assert replay("resume", id).answer["state"] in ("planned", "running")
    ran = replay("watch", id)
    assert ran.code == 0, (ran.said, ran.answer)
    assert (ran.answer["selected"], ran.answer["stored"]) == (FILES, FILES)
    assert ran.answer["files_per_second"] == 500
    [newest, *_] = replay("list").answer
    assert (newest["id"], newest["name"], newest["state"]) == (id, "outage", "completed")
    assert replay("pause", id).answer["code"] == "replay_ended"
    rounds = [event.round for event in asked(system)]
    assert rounds == sorted(set(rounds))


def test_a_replay_is_cancelled_for_good(job: str, replay: Drivestream) -> None:
    _, text = planned(replay, "--mode", "all", "--transfer", "force", "--import", job)
    ran = replay("start", "-", *START, "--rate", "1", text=text)
    id = ran.answer["replay_id"]
    assert replay("cancel", id).answer["state"] == "cancelled"
    assert replay("watch", id).code == 5
    assert replay("resume", id).answer["code"] == "replay_ended"


def test_what_makes_no_sense_is_refused_with_its_code(job: str, replay: Drivestream) -> None:
    for words, code in (
        (("--import", "never-was"), "no_such_import"),
        (("--reason", "no_such_reason"), "no_such_reason"),
        (("--dead-letters", "--file", "f"), "filters_conflict"),
    ):
        ran = replay("plan", "--mode", "all", *words)
        assert (ran.code, ran.answer["code"]) == (1, code)
    ran = replay("start", "nonsense", *START)
    assert (ran.code, ran.answer["code"]) == (1, "bad_plan")
    assert replay("watch", "replay-x").answer["code"] == "unknown_replay"


def test_a_plan_that_retention_has_passed_is_refused(
    system: System, job: str, replay: Drivestream
) -> None:
    plan, text = planned(replay, "--mode", "all", "--import", job)
    ends = [end for end in plan["ends"] if end["topic"] == FILES_FOUND.name and end["offset"]]
    kafka = KafkaSettings.read(Reader(system.platform.env))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    name, first = kafka.prefixed(FILES_FOUND.name), ends[0]
    place = TopicPartition(name, first["partition"], first["offset"])
    for removed in admin.delete_records([place]).values():
        removed.result(20)
    ran = replay("start", "-", *START, text=text)
    assert (ran.code, ran.answer["code"]) == (1, "plan_expired")
    assert f"begins at {first['offset']}" in ran.answer["error"]
