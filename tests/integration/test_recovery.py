"""Imports whose messages are gone heal themselves, and parked files come back; those that wait are
let be.

Records are deleted while the workers are stopped. The seconds until each import has ended, counted
from when the workers were started again, are written to standard error.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from services.adapters.kafka.settings import KafkaSettings
from services.core import events as e
from services.core.settings import Reader
from services.core.topics import BY_NAME
from services.core.wire import decode
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
FILES = 40
QUOTA = "download_quota_exceeded"
STALLED_AFTER, PARKED_RETRY = 2, 6
SETTINGS = {
    "STALLED_AFTER_SECONDS": str(STALLED_AFTER),
    "PARKED_RETRY_SECONDS": str(PARKED_RETRY),
    "TRANSFER_CONCURRENCY": "4",
}
WORKERS = ("lister", "transfer")
LIMIT = 90
NEVER = 4 * STALLED_AFTER
"""Seconds in which an import would have been healed, if it were to be."""
STANDS_STILL = {"do": "latency", "seconds": 60}
_numbers = count(1)


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    with (
        TemporaryDirectory(prefix="drivestream-recovery-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs), SETTINGS) as system,
    ):
        system.start("api", "indexer", *WORKERS)
        system.wait_ready()
        yield system


def begin(system: System, **tree: Any) -> str:
    """An import of a new folder; its id."""
    spec = {"name": f"recovery-{next(_numbers)}", "pictures": FILES, "size": 4096, **tree}
    return system.post_import(link(system.drive.add_tree(spec, render=True)))


@contextmanager
def fault(system: System, effect: Mapping[str, Any], **match: Any) -> Iterator[None]:
    rule = system.drive.fault(effect, **match)
    try:
        yield
    finally:
        system.drive.clear_faults(rule)


def delete_records(system: System, *topics: str) -> None:
    """Everything that these topics hold."""
    settings = KafkaSettings.read(Reader(system.platform.env))
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    all_of_it = -1
    places = [
        TopicPartition(settings.prefixed(topic), partition, all_of_it)
        for topic in topics
        for partition in range(BY_NAME[topic].partitions)
    ]
    for future in admin.delete_records(places).values():
        future.result(20)


def asked(system: System, job: str) -> list[e.Message]:
    """What was asked of an import after its request."""
    found = [decode(raw.topic, raw.value) for raw in system.records("imports.requested")]
    events = [x for x in found if not isinstance(x, e.WorkerStatus) and x.import_id == job]
    return [x for x in events if not isinstance(x, e.ImportRequested)]


def test_deleted_messages_heal_while_a_paused_import_beside_them_is_let_be(
    system: System,
) -> None:
    """The files of one import, and the pages of another, are in no topic any more."""
    with fault(system, STANDS_STILL, kinds=["media"], from_=21):
        files = begin(system)
        system.wait_import(files, LIMIT, lambda row: row["found"] == FILES and row["stored"] >= 20)
        paused = begin(system)
        system.wait_import(paused, LIMIT, lambda row: row["found"] == FILES)
        assert system.post(f"/imports/{paused}/pause")[0] == 202
        with fault(system, STANDS_STILL, kinds=["list"], from_=5):
            pages = begin(system, depth=2, fan_out=6)
            system.wait_import(pages, LIMIT, lambda row: row["folders_listed"] >= 3)
            with ThreadPoolExecutor() as pool:
                assert list(pool.map(system.terminate, WORKERS)) == [0, 0]
            assert system.get(f"/imports/{pages}")["state"] == "listing"
            delete_records(system, "files.found", "imports.pages")
    for worker in WORKERS:
        system.restart(worker)
    since = time.monotonic()
    for job, what in ((pages, "pages lost"), (files, "files lost")):
        row = system.wait_import(job, LIMIT)
        sys.stderr.write(f"{what}: {time.monotonic() - since:.1f} s\n")
        assert (row["state"], row["failed"]) == ("completed", 0), row
        assert row["stored"] + row["unchanged"] == FILES
        assert {type(x) for x in asked(system, job)} == {e.ImportStalled}
    assert [type(x) for x in asked(system, paused)] == [e.ImportPaused]
    assert system.post(f"/imports/{paused}/resume")[0] == 202
    row = system.wait_import(paused, LIMIT)
    assert (row["state"], row["stored"] + row["unchanged"]) == ("completed", FILES)


def test_parked_files_come_back_by_themselves_once_though_the_indexer_dies(
    system: System,
) -> None:
    """Meanwhile another import waits for Drive, and is let be."""
    names = [f"{n}.jpg" for n in range(8)]
    spec = {"name": "parked", "items": [{"path": name, "size": 5_000} for name in names]}
    folder = system.drive.add_tree(spec, render=True)
    refused, missing = names[3:6], names[6]
    quota = {"do": "refuse", "reason": "downloadQuotaExceeded", "sticky_s": 1}
    for name in refused:
        system.drive.fault(quota, kinds=["media"], name=name, times=1)
    system.drive.fault({"do": "refuse", "reason": "notFound"}, kinds=["media"], name=missing)
    job = system.post_import(link(folder))
    row = system.wait_import(job, LIMIT)
    assert row["failures"] == {QUOTA: len(refused), "not_found": 1}
    fetched = len(system.drive.log("media"))
    announced = datetime.fromisoformat(row["parked"]["after"])
    finished = datetime.fromisoformat(row["finished_at"])
    assert (announced - finished).total_seconds() == PARKED_RETRY
    system.start("indexer-2")
    system.kill("indexer")
    waiting = system.drive.add_tree({"name": "waiting", "pictures": 5, "size": 4096}, render=True)
    with fault(system, {"do": "refuse", "reason": "backendError"}, kinds=["list"], id=waiting):
        other = system.post_import(link(waiting))
        began = time.monotonic()
        system.wait_import(job, LIMIT, lambda row: QUOTA not in row["failures"])
        row = system.wait_import(job, LIMIT)
        assert datetime.now(UTC) >= announced
        assert (row["stored"], row["parked"]) == (len(names) - 1, None)
        assert len(system.drive.log("media")) == fetched + len(refused)  # and nothing else
        system.restart("indexer")
        time.sleep(max(0.0, NEVER - (time.monotonic() - began)))
        assert system.get(f"/imports/{other}")["state"] in ("queued", "listing")
    [retry] = asked(system, job)
    assert isinstance(retry, e.RetryRequested)
    assert (retry.round, len(retry.files)) == (1, len(refused))
    row = system.wait_import(other, LIMIT)
    assert (row["state"], row["stored"]) == ("completed", 5)
    assert asked(system, other) == []
