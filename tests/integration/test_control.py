"""Pause, resume and cancel running imports, on a whole real system.

The seconds until a control is effective are written to standard error.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

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
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
EFFECTIVE_SECONDS = 3.0
SMALL, FILES = 120, 121
SLOW = {"do": "latency", "seconds": 1.0}
STALLED = {"do": "stall", "after_bytes": 11_000_000, "seconds": 60}
SERVICES = ("api", "lister", "indexer", "transfer")
LIMIT = 60


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    """One system for all cases, each with imports of its own."""
    with (
        TemporaryDirectory(prefix="drivestream-control-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs), {"TRANSFER_CONCURRENCY": "8"}) as system,
    ):
        system.start(*SERVICES)
        system.wait_ready()
        yield system


def slow_import(system: System, name: str) -> str:
    """Many small files, each slow, and a large one that stands still half uploaded; the job."""
    small = [{"path": [str(n % 5), f"{n}.jpg"], "size": 6_000} for n in range(SMALL)]
    items = [{"path": "large.jpg", "size": 12_000_000}, *small]
    folder = system.drive.add_tree({"name": name, "items": items}, render=True)
    system.drive.fault(SLOW, kinds=["media"], name="[0-9]*.jpg")
    system.drive.fault(STALLED, kinds=["media"], name="large.jpg")
    return system.post_import(link(folder))


def in_the_middle(row: Mapping[str, Any]) -> bool:
    return bool(row["found"] == FILES and row["stored"] >= 5 and row["pending"] >= 30)


def wait_for_uploads(system: System, count: int) -> None:
    """Until so many large files are half uploaded."""
    uploads = system.platform.incomplete_uploads
    system.until(lambda: len(uploads()) == count, 30, "no large file began")


def check_idle(system: System, began: float, what: str, *workers: str) -> None:
    """The workers have nothing in hand within the time that is promised."""
    seconds = seconds_until_idle(system, workers, began)
    sys.stderr.write(f"{what}: idle in {seconds:.2f} s\n")
    assert seconds < EFFECTIVE_SECONDS


def check_whole(system: System, tree: str, job: str, files: int = FILES) -> None:
    """Everything is stored, once, with the bytes that Drive has."""
    row = system.wait_import(job, LIMIT)
    assert (row["state"], row["found"]) == ("completed", files), row
    assert row["stored"] + row["unchanged"] == files
    expected = {f["id"]: f["md5Checksum"] for f in system.drive.files(tree)}
    with system.platform.database() as database:
        rows = database.execute("SELECT google_drive_id, md5 FROM images").fetchall()
    assert {id: md5 for id, md5 in rows if id in expected} == expected
    assert system.counted(job)["pending"] == 0


def test_one_worker_stops_within_three_seconds_and_a_pause_outlives_the_death_of_all(
    system: System,
) -> None:
    job = slow_import(system, "one")
    with watching(system, job) as watched:
        system.wait_import(job, LIMIT, in_the_middle)
        wait_for_uploads(system, 1)
        began = time.monotonic()
        control(system, job, "pause")
        check_idle(system, began, "pause at 1 worker", "transfer")
        time.sleep(1)  # the indexer writes what was stored before the pause
        stays_still(system, job, 1)
        control(system, job, "resume")
        wait_for_uploads(system, 1)  # it is worked on again
        system.kill("transfer")  # with work in hand
        control(system, job, "pause")
    assert watched.states[-4:] == ["transferring", "paused", "transferring", "paused"]
    for name in ("api", "lister", "indexer"):
        system.kill(name)
    for name in SERVICES:
        system.restart(name)
    system.wait_ready()
    assert system.get(f"/imports/{job}")["state"] == "paused"
    system.until(lambda: system.answers("transfer"), 30, "no transfer")
    known, stored = set(outcomes(system, job)), objects(system)
    time.sleep(3)
    assert (set(outcomes(system, job)), objects(system)) == (known, stored)
    assert 0 < len(known) < FILES
    system.drive.clear_faults()
    system.drive.reset_log()
    control(system, job, "resume")
    check_whole(system, "one", job)
    assert not known & set(fetched(system)), "files that had an outcome were fetched again"
    for upload in system.platform.incomplete_uploads():  # a killed process aborts none
        assert upload.endswith("large.jpg")


def test_four_workers_stop_three_imports_within_three_seconds_and_lose_nothing(
    system: System,
) -> None:
    workers = ["transfer", "transfer-2", "transfer-3", "transfer-4"]
    system.start(*workers[1:])
    left = len(system.platform.incomplete_uploads())
    paused, cancelled = slow_import(system, "paused"), slow_import(system, "cancelled")
    for job in (paused, cancelled):
        system.wait_import(job, LIMIT, in_the_middle)
    wait_for_uploads(system, left + 2)
    system.drive.fault({"do": "latency", "seconds": 1.0}, kinds=["list"])
    tree = {"name": "listing", "pictures": 60, "size": 6_000, "depth": 2, "fan_out": 5}
    listing = system.post_import(link(system.drive.add_tree(tree, render=True)))
    system.wait_import(listing, LIMIT, lambda row: row["folders_found"] > 3)
    with watching(system, paused) as watched, watching(system, cancelled) as ended:
        began = time.monotonic()
        control(system, paused, "pause")
        control(system, listing, "pause")
        control(system, cancelled, "cancel")
        check_idle(system, began, "three controls at 4 workers", "lister", *workers)
        time.sleep(1)
        assert len(system.platform.incomplete_uploads()) == left
        row = system.get(f"/imports/{listing}")
        assert row["folders_listed"] < row["folders_found"], "it was over before the pause"
        known = set(outcomes(system, paused))
        row = system.get(f"/imports/{cancelled}")
        assert row["pending"] > 0
        assert row["finished_at"] is not None
        for name in workers[1:]:  # the group is balanced anew
            assert system.terminate(name) == 0
        for word, code in (("cancel", 202), ("pause", 409), ("resume", 409), ("retry", 409)):
            assert system.post(f"/imports/{cancelled}/{word}")[0] == code, word
        stays_still(system, paused, 2)
        system.drive.clear_faults()
        system.drive.reset_log()
        control(system, paused, "resume")
        control(system, listing, "resume")
        check_whole(system, "paused", paused)
        check_whole(system, "listing", listing, files=60)
    assert not known & set(fetched(system)), "files that had an outcome were fetched again"
    assert watched.states[-3:] == ["paused", "transferring", "completed"]
    assert ended.states[-1] == "cancelled"
    assert {**system.get(f"/imports/{cancelled}"), "waiting_for": None} == row | {
        "waiting_for": None
    }
    states = system.counted(cancelled)
    assert (states["pending"], sum(states.values())) == (row["pending"], row["found"])
    assert len(system.platform.incomplete_uploads()) == left
