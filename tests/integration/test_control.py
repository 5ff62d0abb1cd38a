"""Pause, resume and cancel a running import, on a whole real system."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from local.run.start import running_servers, temporary_data_dir
from tests.controlling import (
    control,
    fetched,
    objects,
    outcomes,
    seconds_until_idle,
    stays_still,
    watching,
)
from tests.platform import emptied
from tests.system import System, free_port, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
EFFECTIVE_SECONDS = 3.0
SMALL, LARGE = 200, 3
FILES = SMALL + LARGE
LARGE_BYTES = 20_000_000
SLOW = {"do": "latency", "seconds": 1.0}
STALLED = {"do": "stall", "after_bytes": 15_000_000, "seconds": 60}
SERVICES = ("api", "lister", "indexer")
SETTINGS = {"TRANSFER_CONCURRENCY": "8"}
_numbers = count(1)


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    """One system for all cases, each with an import of its own."""
    with (
        TemporaryDirectory(prefix="drivestream-control-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs), SETTINGS) as system,
    ):
        system.start(*SERVICES, "transfer")
        system.wait_ready()
        yield system


@pytest.fixture(autouse=True)
def drive_behaves(system: System) -> Iterator[None]:
    yield
    system.drive.clear_faults()


def slow_import(system: System) -> tuple[str, str]:
    """Many small files, each slow, and large ones that stand still half uploaded: tree and job."""
    name = f"control-{next(_numbers)}"
    small = [{"path": [str(n % 5), f"{n}.jpg"], "size": 6_000} for n in range(SMALL)]
    large = [{"path": f"large-{n}.jpg", "size": LARGE_BYTES} for n in range(LARGE)]
    folder = system.drive.add_tree({"name": name, "items": [*large, *small]}, render=True)
    system.drive.fault(SLOW, kinds=["media"], name="[0-9]*.jpg")
    system.drive.fault(STALLED, kinds=["media"], name="large-*.jpg")
    return name, system.post_import(link(folder))


def report(figure: str) -> None:
    """Shown with `pytest -s`."""
    sys.stdout.write(f"\n{figure}\n")


def in_the_middle(row: Mapping[str, Any]) -> bool:
    return bool(row["found"] == FILES and row["stored"] >= 20 and row["pending"] >= 50)


def check_whole(system: System, tree: str, job: str, *, uploads_left: bool = False) -> None:
    """Everything is stored, once, with the bytes that Drive has."""
    row = system.wait_import(job, 90)
    assert (row["state"], row["found"]) == ("completed", FILES), row
    assert row["stored"] + row["unchanged"] == FILES
    expected = {f["id"]: f["md5Checksum"] for f in system.drive.files(tree)}
    with system.platform.database() as database:
        rows = database.execute("SELECT google_drive_id, md5 FROM images").fetchall()
    assert {id: md5 for id, md5 in rows if id in expected} == expected
    assert system.counted(job)["pending"] == 0
    assert uploads_left or system.platform.incomplete_uploads() == []


@pytest.mark.parametrize("workers", [1, 4])
def test_a_pause_is_effective_within_three_seconds_and_a_resume_ends_whole(
    system: System, workers: int
) -> None:
    names = ["transfer", *(f"transfer-{n}" for n in range(2, workers + 1))]
    system.start(*names[1:])
    tree, job = slow_import(system)
    with watching(system, job) as watched:
        system.wait_import(job, 90, in_the_middle)
        system.until(
            lambda: len(system.platform.incomplete_uploads()) == LARGE, 30, "no large file began"
        )
        began = time.monotonic()
        control(system, job, "pause")
        answered = time.monotonic() - began
        seconds = seconds_until_idle(system, names, began)
        report(f"pause at {workers} workers: answer in {answered:.2f} s, idle in {seconds:.2f} s")
        assert seconds < EFFECTIVE_SECONDS
        time.sleep(1)  # the indexer writes what was stored before the pause
        stays_still(system, job, 3)
        known = set(outcomes(system, job))
        assert 0 < len(known) < FILES
        system.drive.clear_faults()
        system.drive.reset_log()
        control(system, job, "resume")
        check_whole(system, tree, job)
    again = known & set(fetched(system))
    assert not again, "files that had an outcome were fetched again"
    assert watched.states[-4:] == ["transferring", "paused", "transferring", "completed"]
    for name in names[1:]:
        assert system.terminate(name) == 0


def test_a_pause_while_folders_are_listed_loses_none(system: System) -> None:
    name = f"control-{next(_numbers)}"
    tree = {"name": name, "pictures": FILES, "size": 6_000, "depth": 2, "fan_out": 5}
    folder = system.drive.add_tree(tree, render=True)
    system.drive.fault({"do": "latency", "seconds": 1.5}, kinds=["list"], from_=4)
    job = system.post_import(link(folder))
    system.wait_import(job, 60, lambda row: row["state"] == "listing" and row["folders_found"] > 3)
    began = time.monotonic()
    control(system, job, "pause")
    seconds = seconds_until_idle(system, ["lister", "transfer"], began)
    report(f"pause of a listing: idle in {seconds:.2f} s")
    assert seconds < EFFECTIVE_SECONDS
    time.sleep(1)
    row = system.get(f"/imports/{job}")
    assert row["folders_listed"] < row["folders_found"], "the listing was over before the pause"
    stays_still(system, job, 2)
    system.drive.clear_faults()
    control(system, job, "resume")
    check_whole(system, name, job)


def test_a_cancelled_import_keeps_its_account_and_never_comes_to_life_again(
    system: System,
) -> None:
    _, job = slow_import(system)
    with watching(system, job) as watched:
        system.wait_import(job, 60, in_the_middle)
        began = time.monotonic()
        control(system, job, "cancel")
        seconds = seconds_until_idle(system, ["transfer"], began)
        report(f"cancel: idle in {seconds:.2f} s")
        assert seconds < EFFECTIVE_SECONDS
        time.sleep(1)
        for word, code in (("cancel", 202), ("pause", 409), ("resume", 409), ("retry", 409)):
            status, answer = system.post(f"/imports/{job}/{word}")
            assert status == code, (word, answer)
        row = system.get(f"/imports/{job}")
        assert row["pending"] > 0
        assert row["finished_at"] is not None
        for name in ("lister", "transfer", "indexer"):
            system.kill(name)
            system.restart(name)
        # Others are not held up by it.
        system.drive.clear_faults()
        other = {"name": f"control-{next(_numbers)}", "pictures": 20, "size": 6_000}
        folder = system.drive.add_tree(other, render=True)
        assert system.wait_import(system.post_import(link(folder)), 60)["state"] == "completed"
        stays_still(system, job, 3)
    assert watched.states[-1] == "cancelled"
    assert watched.states.count("cancelled") == 1
    assert {**system.get(f"/imports/{job}"), "waiting_for": None} == {**row, "waiting_for": None}
    states = system.counted(job)
    assert (states["pending"], sum(states.values())) == (row["pending"], row["found"])


def test_a_pause_outlives_the_death_of_every_service(system: System) -> None:
    tree, job = slow_import(system)
    system.wait_import(job, 60, in_the_middle)
    system.kill("transfer")  # with work in hand, and uploads half done
    control(system, job, "pause")
    for name in ("api", "lister", "indexer"):
        system.kill(name)
    for name in ("transfer", "lister", "indexer", "api"):
        system.restart(name)
    system.wait_ready()
    assert system.get(f"/imports/{job}")["state"] == "paused"
    time.sleep(4)  # the workers join their groups again
    known, stored = set(outcomes(system, job)), objects(system)
    time.sleep(3)
    assert (set(outcomes(system, job)), objects(system)) == (known, stored)
    system.drive.clear_faults()
    system.drive.reset_log()
    control(system, job, "resume")
    check_whole(system, tree, job, uploads_left=True)  # a killed process aborts none
    assert not known & set(fetched(system))


def test_control_while_kafka_is_away_does_nothing_and_can_be_repeated(
    servers: Mapping[str, str], tmp_path: Path
) -> None:
    env = {**os.environ, "KAFKA_PORT": str(free_port())}
    with temporary_data_dir() as folder, ExitStack() as kafka:

        def kafka_comes() -> Mapping[str, str]:
            return kafka.enter_context(running_servers(folder, ["kafka"], env))

        own = {**servers, **kafka_comes()}
        with (
            emptied(own) as platform,
            running_system(platform, tmp_path / "logs", SETTINGS) as system,
        ):
            system.start(*SERVICES, "transfer")
            system.wait_ready()
            tree, job = slow_import(system)
            system.wait_import(job, 60, in_the_middle)
            kafka.close()
            for word in ("pause", "cancel", "retry"):
                began = time.monotonic()
                status, problem = system.post(f"/imports/{job}/{word}")
                seconds = time.monotonic() - began
                report(f"{word} while Kafka is away: {status} in {seconds:.1f} s")
                assert (status, problem["code"]) == (503, "kafka_unavailable")
                assert system.get(f"/imports/{job}")["state"] == "transferring"
            kafka_comes()
            system.wait_ready()
            assert len(system.records("imports.requested")) == 1, "something was half done"
            control(system, job, "pause")
            system.drive.clear_faults()
            control(system, job, "resume")
            check_whole(system, tree, job)
