"""Every service replaced one after the other while an import runs: as an upgrade does it."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.paths import CHECKOUT
from services.core import events as e
from services.core.wire import decode
from tests.controlling import objects, watching
from tests.platform import Platform
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(700)]
FILES = 1_200
TREE = {"name": "rolling", "pictures": FILES, "size": 8_000, "depth": 2, "fan_out": 6}
ALMOST_STILL = {"do": "latency", "seconds": 5}
SLOW = ("--delay", "media=120")
KINDS = ("lister", "transfer", "indexer", "monitor")
SETTINGS = {"TRANSFER_CONCURRENCY": "4"}


def test_replacing_every_service_under_load_loses_and_doubles_nothing(
    platform: Platform, tmp_path: Path
) -> None:
    """A second one is up before the first one is told to stop. Drive is slowed down before the
    import is over, so that the last service, too, is replaced under load."""
    with running_system(platform, tmp_path / "logs", SETTINGS, SLOW) as system:
        folder = system.drive.add_tree(TREE, render=True)
        expected = {f["id"]: f["md5Checksum"] for f in system.drive.files("rolling")}
        system.start("api", *(f"{kind}-1" for kind in KINDS))
        system.wait_ready()
        still = system.drive.fault(ALMOST_STILL, kinds=["media"], from_=FILES - 200)
        job = system.post_import(link(folder))
        with watching(system, job):
            system.wait_import(job, 120, stored(20))
            for number, kind in enumerate(KINDS, 1):
                replace(system, kind)
                system.wait_import(job, 120, stored(20 + 100 * number))
            restart_api(system)
            assert system.wait_import(job, 120, stored(1))["stored"] < FILES, "it was over before"
            system.drive.clear_faults(still)
            row = system.wait_import(job, 180)
        assert row["state"] == "completed", row
        assert (row["found"], row["stored"], row["failed"]) == (FILES, FILES, 0)
        check_once(system, expected)
        check_verified(system)


def stored(count: int) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: bool(row["stored"] >= count)


def replace(system: System, kind: str) -> None:
    """The new one is up, then the old one ends in order."""
    system.start(f"{kind}-2")
    system.until(lambda: system.answers(f"{kind}-2"), 120, f"{kind}-2 does not come up")
    assert system.terminate(f"{kind}-1") == 0, system.log(f"{kind}-1")


def restart_api(system: System) -> None:
    """It has one port, so it is away for a moment; the import goes on meanwhile."""
    assert system.terminate("api") == 0, system.log("api")
    system.restart("api")
    system.wait_ready()


def check_once(system: System, expected: Mapping[str, str]) -> None:
    """One row, one object and one fact for each file, with its bytes."""
    with system.platform.database() as database:
        rows = database.execute("SELECT google_drive_id, md5 FROM images").fetchall()
    assert len(rows) == len(expected)
    assert dict(rows) == expected
    assert sorted(objects(system).values()) == sorted(expected.values())
    facts = [decode(r.topic, r.value) for r in system.records("files.stored")]
    assert all(isinstance(fact, e.FileStored) for fact in facts)
    assert {fact.key for fact in facts} == set(expected)
    # Work is handed back in order: what a new owner does again is what was in hand at a move.
    assert len(facts) - len(expected) < 50
    assert system.records("dead.letters") == []
    assert system.platform.incomplete_uploads() == []


def check_verified(system: System) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", "verify", "--deep", "--json"],
        cwd=CHECKOUT,
        env=dict(system.env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["state"], result["compared"]) == ("done", FILES), result
