"""Drive, the store and PostgreSQL fail in the middle of an import: it waits, says so, goes on."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.fault_proxy import FaultProxy, Mode, fault_proxy
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(500)]
FILES = 160
OUTAGE_SECONDS = 5.0
"""Three times as long as the three attempts of one request take."""
SERVICES = ("api", "lister", "transfer", "indexer")
SLOW = {"do": "latency", "seconds": 0.2}
ALMOST_STILL = {"do": "latency", "seconds": 4}
"""So slow does Drive become in the middle, until the outage is over: no import ends before it, on a
machine so busy that the report is seconds behind, either (`FEW`: one file a second)."""
FEW = {"TRANSFER_CONCURRENCY": "4"}
_numbers = count(1)


@dataclass(frozen=True)
class Course:
    """A running system that reaches the store and PostgreSQL through proxies."""

    system: System
    store: FaultProxy
    database: FaultProxy
    still: list[int] = field(default_factory=list)

    def begin(self, reached: Callable[[Mapping[str, Any]], bool], **tree: Any) -> str:
        """An import that has come some way and has some left; its id."""
        name = f"outage-{next(_numbers)}"
        spec = {"name": name, "pictures": FILES, "size": 8192, "depth": 1, "fan_out": 4, **tree}
        folder = self.system.drive.add_tree(spec, render=True)
        for kind, number in (("media", FILES // 2), ("list", 20)):
            self.still.append(self.system.drive.fault(ALMOST_STILL, kinds=[kind], from_=number))
        job = self.system.post_import(link(folder))
        self.system.wait_import(job, 120, reached)
        return job

    def outage(self, job: str, waits_for: str = "") -> None:
        """Let it last, and then until the report says what the import waits for."""
        time.sleep(OUTAGE_SECONDS)

        def told(row: Mapping[str, Any]) -> bool:
            return bool(row["waiting_for"] and row["waiting_for"]["reason"].startswith(waits_for))

        if waits_for:
            self.system.wait_import(job, 120, told)

    def check(self, job: str) -> Mapping[str, Any]:
        """The outage was in the middle; everything was stored, and nothing failed."""
        assert self.system.get(f"/imports/{job}")["state"] in ("listing", "transferring")
        while self.still:
            self.system.drive.clear_faults(self.still.pop())
        row = self.system.wait_import(job, 240)
        assert (row["state"], row["stored"]) == ("completed", FILES), row
        assert (row["failed"], row["folders_failed"]) == (0, 0), row
        return row


def through(address: str, proxy: FaultProxy) -> str:
    """The same address, by way of the proxy."""
    parts = urlsplit(address)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}"))


def behind(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or 0


@pytest.fixture(scope="module")
def course(servers: Mapping[str, str]) -> Iterator[Course]:
    """One system for all outages: each is over before the next begins."""
    with (
        TemporaryDirectory(prefix="drivestream-outages-") as logs,
        emptied(servers) as platform,
        fault_proxy(*behind(platform.env["S3_ENDPOINT_URL"])) as store,
        fault_proxy(*behind(platform.env["DATABASE_URL"])) as database,
    ):
        settings = {
            "S3_ENDPOINT_URL": through(platform.env["S3_ENDPOINT_URL"], store),
            "DATABASE_URL": through(platform.env["DATABASE_URL"], database),
            **FEW,
        }
        with running_system(platform, Path(logs), settings) as system:
            system.drive.fault(SLOW, kinds=["media"])
            system.start(*SERVICES)
            system.wait_ready()
            yield Course(system, store, database)


def some_stored(row: Mapping[str, Any]) -> bool:
    return bool(row["stored"] >= 30)


def test_drive_answering_errors_for_a_while_fails_no_file(course: Course) -> None:
    """With one error after another, as Google does."""
    job = course.begin(some_stored)
    for reason in ("backendError", "badGateway", "unavailable"):
        refuse = {"do": "refuse", "reason": reason}
        rule = course.system.drive.fault(refuse, kinds=["media", "list", "get"])
        course.outage(job, "drive_unavailable")
        course.system.drive.clear_faults(rule)
    course.check(job)


def test_drive_answering_errors_while_folders_are_listed_fails_no_folder(course: Course) -> None:
    job = course.begin(lambda row: row["folders_listed"] >= 3, depth=2, fan_out=10)
    refuse = {"do": "refuse", "reason": "backendError"}
    rule = course.system.drive.fault(refuse, kinds=["list", "get"])
    course.outage(job)
    course.system.drive.clear_faults(rule)
    course.check(job)


@pytest.mark.parametrize("mode", [Mode.ANSWER_503, Mode.REFUSE])
def test_the_store_failing_for_a_while_fails_no_file_and_fetches_none_twice(
    course: Course, mode: Mode
) -> None:
    before = course.system.drive.requests()["media"]
    job = course.begin(some_stored)
    course.store.set_mode(mode)
    course.outage(job, "store_")
    course.store.set_mode(Mode.PASS)
    course.check(job)
    assert course.system.drive.requests()["media"] - before == FILES


def test_postgresql_gone_for_a_while_loses_no_row(course: Course) -> None:
    job = course.begin(some_stored)
    course.database.set_mode(Mode.REFUSE)
    course.outage(job)
    course.database.set_mode(Mode.PASS)
    course.check(job)
    assert course.system.counted(job)["stored"] == FILES
