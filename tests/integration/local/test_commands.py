"""The commands about imports, as processes, against the real system."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer

from local.paths import CHECKOUT
from tests.integration.local.test_processes import eventually
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def idle(servers: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The API alone: nobody works on what it takes."""
    folder = tmp_path_factory.mktemp("idle")
    with emptied(servers) as platform, running_system(platform, folder) as system:
        system.start("api")
        system.wait_ready()
        yield system


@pytest.fixture(scope="module")
def system(idle: System) -> System:
    """With all services, from here on."""
    idle.start("lister", "transfer", "indexer")
    return idle


def environment(system: System) -> dict[str, str]:
    """Where the API is; nothing runs in the data folder."""
    return {**os.environ, "DRIVESTREAM_URL": system.api_url, "DATA_DIR": "/nowhere"}


def run(system: System, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        env={**environment(system), **settings},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def said(path: Path, words: str) -> bool:
    return words in path.read_text()


def test_ctrl_c_ends_only_the_watching_and_says_how_to_go_on(idle: System, tmp_path: Path) -> None:
    messages = tmp_path / "messages"
    with messages.open("wb") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-m", "local", "import", link("1" * 33), "--watch", "--json"],
            env=environment(idle),
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        assert eventually(partial(said, messages, "queued: 0 of 0 found so far"))
        child.send_signal(signal.SIGINT)
        printed, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    job = messages.read_text().split()[1]
    sentence = (
        f"Interrupted. The import continues. `drivestream watch {job}` shows it again; "
        f"`drivestream cancel {job}` ends it."
    )
    assert messages.read_text().splitlines()[-1] == sentence
    assert json.loads(printed) == {"state": "error", "error": sentence}
    assert idle.get(f"/imports/{job}")["state"] == "queued"


def test_an_import_that_does_not_exist_is_a_sentence_and_a_code(idle: System) -> None:
    for command in (["watch"], ["pause"], ["retry"]):
        refused = run(idle, *command, "no-such-import", "--json")
        assert refused.returncode == 1, command
        assert "error" in json.loads(refused.stdout)
        assert "Traceback" not in refused.stderr
    refused = run(idle, "watch", "no-such-import", "--json")
    assert json.loads(refused.stdout)["code"] == "unknown_import"
    assert refused.stderr == "There is no import with this id.\n"


def test_an_import_is_started_and_watched_to_its_end(system: System) -> None:
    folder = system.drive.add_tree({"name": "commands", "pictures": 40})
    started = run(system, "import", link(folder))
    assert started.returncode == 0, started.stderr
    job = started.stdout.strip()
    watched = run(system, "watch", job)
    assert watched.returncode == 0, watched.stderr
    assert watched.stdout.startswith(f"{job}  completed  commands: 40 found = 40 stored + ")
    assert "40 of 40 found" in watched.stderr


def test_watched_as_json_it_prints_what_the_api_says_and_nothing_else(system: System) -> None:
    folder = system.drive.add_tree({"name": "json", "pictures": 5})
    watched = run(system, "import", link(folder), "--watch", "--json", "--idempotency-key", "5")
    assert watched.returncode == 0, watched.stderr
    document = json.loads(watched.stdout)
    assert document == system.get(f"/imports/{document['id']}")
    assert (document["state"], document["stored"]) == ("completed", 5)
    again = run(system, "import", link(folder), "--idempotency-key", "5")
    assert again.stdout.strip() == document["id"]


def test_an_import_that_fails_is_told_by_the_exit_code(system: System) -> None:
    watched = run(system, "import", link("1" * 32 + "0"), "--watch")
    assert watched.returncode == 1
    assert "  failed  0 found" in watched.stdout
    assert len(watched.stdout.splitlines()) > 1, "why it failed"


def test_an_import_is_paused_resumed_retried_and_cancelled(system: System) -> None:
    names = [*(f"bad-{n}.jpg" for n in range(2)), *(f"good-{n}.jpg" for n in range(28))]
    items = [{"path": name, "size": 5_000} for name in names]
    folder = system.drive.add_tree({"name": "controlled", "items": items}, render=True)
    slow = system.drive.fault({"do": "latency", "seconds": 300}, kinds=["media"], name="good-*")
    refused = system.drive.fault(
        {"do": "refuse", "reason": "notFound"}, kinds=["media"], name="bad-*"
    )
    job = run(system, "import", link(folder)).stdout.strip()
    system.wait_import(job, 120, lambda row: row["found"] == 30)
    paused = run(system, "pause", job)
    assert paused.stdout.startswith(f"{job}  paused  controlled: 30 found = "), paused.stderr
    again = run(system, "pause", job, "--json")
    assert (again.returncode, json.loads(again.stdout)["state"]) == (0, "paused")
    system.drive.clear_faults(slow)
    assert f"{job}  transferring  " in run(system, "resume", job).stdout
    watched = run(system, "watch", job)
    assert watched.returncode == 1
    assert "  2 failed: not_found" in watched.stdout
    late = run(system, "cancel", job, "--json")
    assert (late.returncode, json.loads(late.stdout)["code"]) == (1, "import_ended")

    system.drive.clear_faults(refused)
    retried = run(system, "retry", job, "--reason", "not_found", "--watch")
    assert retried.returncode == 0, retried.stderr
    assert "2 files are being retried." in retried.stderr
    assert run(system, "retry", job).stdout == (
        "Nothing matching has failed, so there is nothing to retry.\n"
    )

    stuck = system.drive.fault({"do": "latency", "seconds": 300}, kinds=["media", "list"])
    other = run(system, "import", link(folder)).stdout.strip()
    assert f"{other}  cancelled  " in run(system, "cancel", other).stdout
    system.drive.clear_faults(stuck)
    assert run(system, "watch", other).returncode == 5
    refused_retry = run(system, "retry", other)
    assert refused_retry.returncode == 1
    assert "was cancelled" in refused_retry.stderr


def test_dead_letters_are_listed(system: System) -> None:
    assert run(system, "dead-letters").stderr == "There are none.\n"
    producer = Producer({"bootstrap.servers": system.platform.env["KAFKA_BOOTSTRAP_SERVERS"]})
    topic = f"{system.platform.env['KAFKA_TOPIC_PREFIX']}files.found"
    for number in range(3):
        producer.produce(topic, b"\xff not json %d" % number, key=b"file", partition=number)
    assert producer.flush(60) == 0
    system.until(lambda: len(system.records("dead.letters")) == 3, 60, "they are not set aside")
    listed = run(system, "dead-letters")
    assert listed.returncode == 0, listed.stderr
    assert "files.found/2/" in listed.stdout
    assert "undecodable_event" in listed.stdout
    two = json.loads(run(system, "dead-letters", "--json", "--most", "2").stdout)
    assert len(two) == 2
    newest = system.get("/dead-letters?limit=1")
    assert newest == two[:1]
    assert newest[0]["value"]["encoding"] == "base64"
    assert newest[0]["key"] == {"encoding": "utf-8", "data": "file", "size": 4}


def test_a_reader_that_left_stops_nothing(system: System) -> None:
    folder = system.drive.add_tree({"name": "piped", "pictures": 3})
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as pipe:
        child = subprocess.run(
            [sys.executable, "-m", "local", "import", link(folder), "--watch"],
            env=environment(system),
            cwd=CHECKOUT,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert child.returncode == 141
    assert "Traceback" not in child.stderr
    assert "3 of 3 found" in child.stderr


def test_a_rewound_transfer_does_everything_again_and_changes_nothing(system: System) -> None:
    folder = system.drive.add_tree({"name": "again", "pictures": 25})
    watched = run(system, "import", link(folder), "--watch", "--json")
    before = json.loads(watched.stdout)
    assert (watched.returncode, before["stored"]) == (0, 25)
    job, found = before["id"], len(system.records("files.found"))
    once = stored_events(system, job)
    assert once >= 25
    refused = rewind(system, "earliest", "--execute")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is active. Stop its consumers first." in refused.stderr

    assert system.terminate("transfer") == 0
    done = rewind(system, "earliest", "--execute")
    assert done.returncode == 0, done.stderr
    assert f"The group was moved: {found} messages will be read again." in done.stderr
    system.restart("transfer")
    system.until(lambda: stored_events(system, job) >= once + 25, 120, "it is not done again")
    after = json.loads(run(system, "watch", job, "--json").stdout)
    same = ("state", "found", "stored", "unchanged", "failed", "pending", "stored_bytes")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    with system.platform.database() as database:
        assert database.execute(
            "SELECT count(*) FROM images WHERE folder_id = %s", (folder,)
        ).fetchone() == (25,)


def stored_events(system: System, job: str) -> int:
    """How often a file of this import was stored."""
    records = system.records("files.stored")
    return sum(record.headers["ce_importid"] == job.encode() for record in records)


def rewind(system: System, to: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Rewind the transfer, as an operator of these servers."""
    return run(system, "rewind", "transfer", "--to", to, *options, **system.platform.env)
