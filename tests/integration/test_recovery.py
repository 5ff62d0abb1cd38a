"""Imports whose messages are gone heal themselves, and those that wait are let be.

That an import ends in words if nothing helps is shown by `tests/unit/indexer/test_recovery.py`.

Records are deleted while the workers are stopped. The seconds until each import has ended, counted
from when the workers were started again, are written to standard error.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
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
from tests.controlling import watching
from tests.platform import emptied
from tests.system import ENDED, System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
FILES = 24
STALLED_AFTER, PARKED_RETRY = 1, 3
SETTINGS = {
    "STALLED_AFTER_SECONDS": str(STALLED_AFTER),
    "PARKED_RETRY_SECONDS": str(PARKED_RETRY),
    "DRIVE_COOL_DOWN_SECONDS": "1",
    "TRANSFER_CONCURRENCY": "4",
}
WORKERS = ("lister", "transfer")
LIMIT = 150
NEVER = 4 * STALLED_AFTER
"""Seconds in which an import would have been healed, if it were to be."""
SLOW = {"do": "latency", "seconds": 1}
HELD = {"do": "latency", "seconds": 300}
"""Until the rule is removed: so nothing is over before it was looked at."""
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
def stopped(system: System, *workers: str) -> Iterator[None]:
    """These do nothing meanwhile; all that is in flight has come to rest."""
    try:
        for worker in workers:
            assert system.terminate(worker) == 0
        yield
    finally:  # other tests go on with them
        for worker in workers:
            if not system.processes[worker].running:
                system.restart(worker)


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
        future.result(60)


def asked(system: System, job: str) -> list[e.Message]:
    """What was asked of an import after its request."""
    found = [decode(raw.topic, raw.value) for raw in system.records("imports.requested")]
    events = [x for x in found if not isinstance(x, e.WorkerStatus) and x.import_id == job]
    return [x for x in events if not isinstance(x, e.ImportRequested)]


def all_listed(row: Mapping[str, Any]) -> bool:
    return bool(row["state"] == "transferring" and row["found"] == FILES)


def some_stored(row: Mapping[str, Any]) -> bool:
    return all_listed(row) and bool(row["stored"])


def ended(system: System, job: str, what: str) -> Mapping[str, Any]:
    since = time.monotonic()
    row = system.wait_import(job, LIMIT)
    sys.stderr.write(f"{what}: {time.monotonic() - since:.1f} s\n")
    return row


def check_healed(system: System, job: str, what: str) -> Mapping[str, Any]:
    row = ended(system, job, what)
    assert (row["state"], row["stored"]) == ("completed", FILES), row
    assert {type(x) for x in asked(system, job)} == {e.ImportStalled}
    return row


def test_lost_files_and_a_lost_page_are_healed_and_a_paused_import_beside_them_is_let_be(
    system: System,
) -> None:
    with fault(system, SLOW, kinds=["media"]):
        with fault(system, HELD, kinds=["media"], from_=9):
            paused = begin(system)
            system.wait_import(paused, LIMIT, some_stored)
            assert system.post(f"/imports/{paused}/pause")[0] == 202
        with fault(system, HELD, kinds=["media"], from_=9):
            files = begin(system)
            system.wait_import(files, LIMIT, some_stored)
        with stopped(system, "transfer"), fault(system, SLOW, kinds=["list"]):
            with fault(system, HELD, kinds=["list"], from_=9):
                pages = begin(system, depth=2, fan_out=6)
                system.wait_import(pages, LIMIT, lambda row: row["folders_listed"] >= 3)
            with stopped(system, "lister"):
                assert system.get(f"/imports/{pages}")["state"] == "listing"
                delete_records(system, "files.found", "imports.pages")
    assert check_healed(system, files, "files lost")["failed"] == 0
    check_healed(system, pages, "pages lost")
    assert [type(x) for x in asked(system, paused)] == [e.ImportPaused]
    assert system.post(f"/imports/{paused}/resume")[0] == 202
    row = ended(system, paused, "files lost, after a pause")
    assert (row["state"], row["stored"]) == ("completed", FILES)


def test_imports_that_wait_for_a_worker_or_for_drive_are_let_be(system: System) -> None:
    with stopped(system, "transfer"):
        jobs = [begin(system), begin(system)]
        for job in jobs:
            system.wait_import(job, LIMIT, all_listed)
        time.sleep(NEVER)
        limited = system.drive.fault(refusal("userRateLimitExceeded"), kinds=["media"])
    with fault(system, refusal("backendError"), kinds=["list"]):
        jobs.append(begin(system))
        time.sleep(NEVER)
        system.drive.clear_faults(limited)
        with fault(system, refusal("automatedQueries"), kinds=["media"]):
            time.sleep(NEVER)
        assert system.get(f"/imports/{jobs[-1]}")["state"] in ("queued", "listing")
    for job in jobs:
        row = system.wait_import(job, LIMIT)
        assert (row["state"], row["stored"]) == ("completed", FILES)
        assert asked(system, job) == []


def refusal(reason: str) -> Mapping[str, str]:
    return {"do": "refuse", "reason": reason}


def failures(system: System, job: str) -> list[e.FileFailed]:
    """Every failure in the log of an import."""
    found = [decode(raw.topic, raw.value) for raw in system.records("files.failed")]
    return [x for x in found if isinstance(x, e.FileFailed) and x.import_id == job]


def ended_with(row: Mapping[str, Any], failures: Mapping[str, int]) -> bool:
    return row["state"] in ENDED and row["failures"] == failures


def test_parked_files_and_no_others_are_fetched_again_by_themselves(system: System) -> None:
    names = [f"{n}.jpg" for n in range(12)]
    spec = {"name": "parked", "items": [{"path": name, "size": 5_000} for name in names]}
    folder = system.drive.add_tree(spec, render=True)
    refused, missing = names[3:6], names[6]
    system.drive.reset_log()
    quota = {"do": "refuse", "reason": "downloadQuotaExceeded", "sticky_s": 1}
    for name in refused:  # at the first try, and one of them at the second, too
        times = 2 if name == refused[0] else 1
        system.drive.fault(quota, kinds=["media"], name=name, times=times)
    with fault(system, {"do": "refuse", "reason": "notFound"}, kinds=["media"], name=missing):
        job = system.post_import(link(folder))
        with watching(system, job) as watched:
            row = system.wait_import(job, LIMIT, lambda row: ended_with(row, {"not_found": 1}))
    assert (row["stored"], row["parked"]) == (11, None)
    # How it ends in between lasts for seconds only: the log tells of it, however late one looks.
    for seen in watched.rows:
        if seen["parked"] and seen["state"] in ENDED:
            announced = datetime.fromisoformat(seen["parked"]["after"])
            finished = datetime.fromisoformat(seen["finished_at"])
            assert (announced - finished).total_seconds() == PARKED_RETRY
    failed = failures(system, job)
    assert Counter((event.round, event.reason) for event in failed) == {
        (0, "download_quota_exceeded"): 3,
        (0, "not_found"): 1,
        (1, "download_quota_exceeded"): 1,
    }
    first, second = asked(system, job)
    assert isinstance(first, e.RetryRequested)
    assert isinstance(second, e.RetryRequested)
    for retry in (first, second):
        parked = max(event.failed_at for event in failed if event.round == retry.round - 1)
        assert (retry.at - parked).total_seconds() >= PARKED_RETRY
    assert (first.round, second.round) == (1, 2)
    assert (len(first.files), len(second.files)) == (3, 1)
    # Nothing was fetched twice, and of what was refused nothing but what was parked.
    statuses = Counter(line["status"] for line in system.drive.log("media"))
    assert (statuses[200], statuses[403]) == (len(names) - 1, 3 + 1)
