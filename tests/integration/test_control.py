"""Pause, resume and cancel a running import, on a whole real system.

What a pause, a resume or a death does at any other moment is shown in memory, by
`tests/unit/lister/test_recovery.py`; control without Kafka by `api/test_process.py`.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

from tests.controlling import (
    control,
    fetched,
    outcomes,
    seconds_until_idle,
    stays_still,
    watching,
)
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
EFFECTIVE_SECONDS = 30.0
"""At most. Half a second where nothing else runs, and minutes if work in hand were awaited."""
SMALL, LARGE = 120, 2
FILES = SMALL + LARGE
LARGE_BYTES = 12_000_000
HELD = {"do": "latency", "seconds": 300}
"""Until the rule is removed: no import is over before it was looked at."""
GIVEN = 40
"""So many small files are given at once, and the others held."""
STALLED = {"do": "stall", "after_bytes": 10_000_000, "seconds": 300}
SERVICES = ("api", "lister", "indexer")
SETTINGS = {"TRANSFER_CONCURRENCY": "6"}
STILL_SECONDS = 1.5
GOING = ("queued", "listing", "transferring")
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


class Slow(NamedTuple):
    """An import that comes so far and no further; `listing` is the rule that holds its folders."""

    tree: str
    job: str
    listing: int


def slow_import(system: System) -> Slow:
    """Large files that stand still half uploaded; and, in folders that are not listed yet, small
    ones, most of which are held."""
    name = f"control-{next(_numbers)}"
    small = [{"path": [str(n % 3), f"{n}.jpg"], "size": 4_096} for n in range(SMALL)]
    large = [{"path": f"large-{n}.jpg", "size": LARGE_BYTES} for n in range(LARGE)]
    folder = system.drive.add_tree({"name": name, "items": [*large, *small]}, render=True)
    system.drive.fault(HELD, kinds=["media"], name="[0-9]*.jpg", from_=GIVEN + 1)
    system.drive.fault(STALLED, kinds=["media"], name="large-*.jpg")
    listing = system.drive.fault(HELD, kinds=["list"], from_=2)
    return Slow(name, system.post_import(link(folder)), listing)


def report(figure: str) -> None:
    """Shown with `pytest -s`."""
    sys.stdout.write(f"\n{figure}\n")


def wait_for_the_middle(system: System, slow: Slow) -> None:
    """Every large file is half uploaded, all is found, some is stored and most is not; and so it
    stays. What is held would take the large files' places, so these come first."""

    def in_the_middle(row: Mapping[str, Any]) -> bool:
        return bool(row["found"] == FILES and row["stored"] >= 8)

    system.until(
        lambda: len(system.platform.incomplete_uploads()) == LARGE, 120, "no large file began"
    )
    system.drive.clear_faults(slow.listing)
    assert system.wait_import(slow.job, 120, in_the_middle)["pending"] >= FILES - GIVEN


def effective(system: System, job: str, word: str, *workers: str) -> None:
    """Control the import: the workers have nothing in hand soon, and nothing moves then."""
    began = time.monotonic()
    control(system, job, word)
    answered = time.monotonic() - began
    seconds = seconds_until_idle(system, workers, began)
    report(f"{word} at {len(workers)} workers: answer in {answered:.2f} s, idle in {seconds:.2f} s")
    assert seconds < EFFECTIVE_SECONDS
    system.wait_indexed()  # what was stored before
    stays_still(system, job, STILL_SECONDS)


def check_whole(system: System, tree: str, job: str, *, uploads_left: bool = False) -> None:
    """Everything is stored, once, with the bytes that Drive has."""
    row = system.wait_import(job, 180)
    assert (row["state"], row["found"]) == ("completed", FILES), row
    assert row["stored"] == FILES
    expected = {f["id"]: f["md5Checksum"] for f in system.drive.files(tree)}
    with system.platform.database() as database:
        rows = database.execute("SELECT google_drive_id, md5 FROM images").fetchall()
    assert {id: md5 for id, md5 in rows if id in expected} == expected
    assert system.counted(job)["pending"] == 0
    assert uploads_left or system.platform.incomplete_uploads() == []


def test_a_pause_of_a_listing_and_of_transfers_is_effective_and_a_resume_ends_whole(
    system: System,
) -> None:
    slow = slow_import(system)
    tree, job = slow.tree, slow.job
    with watching(system, job) as watched:
        system.wait_import(job, 120, lambda row: row["folders_found"] > 1)
        effective(system, job, "pause", "lister", "transfer")
        row = system.get(f"/imports/{job}")
        assert row["folders_listed"] < row["folders_found"], "the listing was over before the pause"
        control(system, job, "resume")
        wait_for_the_middle(system, slow)
        effective(system, job, "pause", "transfer")
        known = set(outcomes(system, job))
        assert 0 < len(known) < FILES
        system.drive.clear_faults()
        system.drive.reset_log()
        control(system, job, "resume")
        check_whole(system, tree, job)
    again = known & set(fetched(system))
    assert not again, "files that had an outcome were fetched again"
    # A busy machine may not look between a resume and the end.
    assert set(watched.states) <= {*GOING, "paused", "completed"}
    assert "paused" in watched.states
    assert watched.states.index("completed") == len(watched.states) - 1


def test_a_pause_at_four_workers_outlives_rebalances_and_the_death_of_every_service(
    system: System,
) -> None:
    others = ["transfer-2", "transfer-3", "transfer-4"]
    system.start(*others)
    system.until(lambda: all(map(system.answers, others)), 120, "three more do not come up")
    slow = slow_import(system)
    tree, job = slow.tree, slow.job
    wait_for_the_middle(system, slow)
    effective(system, job, "pause", "transfer", *others)
    known = set(outcomes(system, job))
    for name in others[1:]:  # the rest is given their partitions
        assert system.terminate(name) == 0
    for name in ("api", "lister", "indexer", "transfer", "transfer-2"):
        system.kill(name)
        if name != "transfer-2":
            system.restart(name)
    system.wait_ready()
    system.until(lambda: system.answers("transfer"), 90, "the transfer did not come back")
    assert system.get(f"/imports/{job}")["state"] == "paused"
    stays_still(system, job, 2 * STILL_SECONDS)
    system.drive.clear_faults()
    system.drive.reset_log()
    control(system, job, "resume")
    check_whole(system, tree, job)
    assert not known & set(fetched(system))


def test_a_cancelled_import_keeps_its_account_and_never_comes_to_life_again(
    system: System,
) -> None:
    slow = slow_import(system)
    job = slow.job
    with watching(system, job) as watched:
        wait_for_the_middle(system, slow)
        began = time.monotonic()
        control(system, job, "cancel")
        seconds = seconds_until_idle(system, ["transfer"], began)
        report(f"cancel: idle in {seconds:.2f} s")
        assert seconds < EFFECTIVE_SECONDS
        system.wait_indexed()
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
        assert system.wait_import(system.post_import(link(folder)), 120)["state"] == "completed"
    assert watched.states[-1] == "cancelled"
    assert watched.states.count("cancelled") == 1
    assert {**system.get(f"/imports/{job}"), "waiting_for": None} == {**row, "waiting_for": None}
    states = system.counted(job)
    assert (states["pending"], sum(states.values())) == (row["pending"], row["found"])


def test_a_worker_that_died_with_work_in_hand_does_not_take_it_up_under_a_pause(
    system: System,
) -> None:
    slow = slow_import(system)
    tree, job = slow.tree, slow.job
    wait_for_the_middle(system, slow)
    system.kill("transfer")
    control(system, job, "pause")
    known = set(outcomes(system, job))
    system.restart("transfer")
    system.until(lambda: system.answers("transfer"), 90, "the transfer did not come back")
    time.sleep(2 * STILL_SECONDS)  # it joins its group again
    assert set(outcomes(system, job)) == known
    system.drive.clear_faults()
    system.drive.reset_log()
    control(system, job, "resume")
    check_whole(system, tree, job, uploads_left=True)  # a killed process aborts none
    assert not known & set(fetched(system))
