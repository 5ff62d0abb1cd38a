"""Every service killed once and stopped once in the middle of an import: nothing is lost."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.core import events as e
from services.core.wire import decode
from tests.platform import Platform
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
FILES = 800
TREE = {"name": "crash", "pictures": FILES, "size": 20_000, "depth": 3, "fan_out": 5}
SLOW_DRIVE = ("--delay", "media=60")
ALMOST_STILL = {"do": "latency", "seconds": 5}
"""So slow does Drive become before the listing, and then the import, is over. Every blow falls
in the middle, however long a service takes to start on this machine."""
SERVICES = ("api", "lister-1", "lister-2", "transfer-1", "transfer-2", "indexer")


def test_killing_and_stopping_every_service_loses_and_doubles_nothing(
    platform: Platform, tmp_path: Path
) -> None:
    with running_system(
        platform, tmp_path / "logs", {"TRANSFER_CONCURRENCY": "8"}, SLOW_DRIVE
    ) as system:
        folder = system.drive.add_tree(TREE, render=True)
        expected = {f["id"]: f["md5Checksum"] for f in system.drive.files("crash")}
        system.start(*SERVICES)
        system.wait_ready()
        still = {
            "list": system.drive.fault(ALMOST_STILL, kinds=["list"], from_=16),
            "media": system.drive.fault(ALMOST_STILL, kinds=["media"], from_=640),
        }
        job = system.post_import(link(folder))
        _strike(system, job, still)
        row = system.wait_import(job, 240)
        _check_report(system, job, row)
        _check_once(system, expected)
        _check_nothing_is_left_over(system)


def _strike(system: System, job: str, still: Mapping[str, int]) -> None:
    """Eight blows, each while there is work in hand."""

    def reached(part: str, count: int) -> Callable[[Mapping[str, Any]], bool]:
        return lambda row: bool(row[part] >= count)

    system.wait_import(job, 120, reached("folders_listed", 2))
    assert system.get(f"/imports/{job}")["state"] == "listing"
    _kill(system, "lister-1")
    system.wait_import(job, 120, reached("folders_listed", 8))
    _stop(system, "lister-2")
    assert system.get(f"/imports/{job}")["state"] == "listing", "both blows fell on the listing"
    system.drive.clear_faults(still["list"])
    system.wait_import(job, 120, reached("stored", 40))
    _kill(system, "transfer-1")
    system.wait_import(job, 120, reached("stored", 120))
    _stop(system, "transfer-2")
    _kill(system, "indexer")
    system.wait_import(job, 120, reached("stored", 220))
    _stop(system, "indexer")
    _kill(system, "api")
    system.wait_import(job, 120, reached("stored", 380))
    _stop(system, "api")
    row = system.wait_import(job, 120, reached("stored", 540))
    assert row["stored"] < FILES, "the import was over before the blows were"
    system.drive.clear_faults(still["media"])


def _kill(system: System, name: str) -> None:
    system.kill(name)
    system.restart(name)


def _stop(system: System, name: str) -> None:
    # Python ends at a SIGTERM that comes before the service listens for it.
    system.until(lambda: system.answers(name), 120, f"{name} does not come up")
    assert system.terminate(name) == 0, system.log(name)
    system.restart(name)


def _check_report(system: System, job: str, row: Mapping[str, Any]) -> None:
    assert row["state"] == "completed", row
    # What a worker stored before it died is no older object that was unchanged.
    assert row["found"] == row["stored"] == FILES
    assert (row["failed"], row["pending"], row["folders_failed"]) == (0, 0, 0)
    states = system.counted(job)
    assert sum(states.values()) == FILES
    assert states == Counter(stored=FILES)


def _check_once(system: System, expected: Mapping[str, str]) -> None:
    with system.platform.database() as database:
        rows = database.execute("SELECT google_drive_id, md5 FROM images").fetchall()
    assert dict(rows) == expected
    assert len(rows) == FILES
    client, bucket = system.platform.minio(), system.platform.env["S3_BUCKET"]
    found: dict[str, str] = {}
    for item in client.list_objects(bucket, recursive=True):
        assert item.object_name is not None
        answer = client.get_object(bucket, item.object_name)
        file_id = item.object_name[:33]
        assert file_id not in found, "two objects of one file"
        found[file_id] = hashlib.md5(answer.read()).hexdigest()
        answer.close()
        answer.release_conn()
    assert found == expected


def _check_nothing_is_left_over(system: System) -> None:
    assert system.records("dead.letters") == []
    stored = [decode(r.topic, r.value) for r in system.records("files.stored")]
    ids = {event.file.file_id for event in stored if isinstance(event, e.FileStored)}
    assert len(ids) == FILES
    assert len(stored) < FILES + 600, "more repeats than a crash explains"
    assert system.platform.incomplete_uploads() == []
