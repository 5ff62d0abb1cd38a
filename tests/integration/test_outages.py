"""Drive, the store and PostgreSQL fail in the middle of an import: it waits, says so, goes on."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.fault_proxy import FaultProxy, Mode, fault_proxy
from tests.platform import Platform
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
FILES = 400
OUTAGE_SECONDS = 8.0
SERVICES = ("api", "lister", "transfer", "indexer")
Report = Mapping[str, Any]


@contextmanager
def behind_proxy(
    platform: Platform, logs: Path, setting: str
) -> Iterator[tuple[System, FaultProxy]]:
    """A system that reaches the server which `setting` names through a proxy."""
    address = urlsplit(platform.env[setting])
    with fault_proxy(address.hostname or "", address.port or 0) as proxy:
        user, at, _ = address.netloc.rpartition("@")
        through = address._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}")
        with running_system(platform, logs, {setting: urlunsplit(through)}) as system:
            yield system, proxy


def begun(system: System, **tree: Any) -> str:
    """An import with something stored and something left; the job."""
    system.drive.fault({"do": "latency", "seconds": 0.2}, kinds=["media"])
    spec = {"name": "outage", "pictures": FILES, "size": 8192, "depth": 1, "fan_out": 4, **tree}
    folder = system.drive.add_tree(spec, render=True)
    system.start(*SERVICES)
    system.wait_ready()
    job = system.post_import(link(folder))
    system.wait_import(job, 60, lambda row: row["stored"] >= 60)
    return job


def outage(system: System, begin: Callable[[], object], end: Callable[[], object]) -> None:
    begin()
    time.sleep(OUTAGE_SECONDS)
    end()


def check(system: System, job: str) -> Report:
    """Everything was stored, each file once."""
    row = system.wait_import(job, 120)
    assert (row["state"], row["stored"], row["failed"]) == ("completed", FILES, 0), row
    return row


@pytest.mark.parametrize("status", ["backendError", "badGateway", "unavailable"])
def test_drive_answering_errors_for_a_while_fails_no_file(
    platform: Platform, tmp_path: Path, status: str
) -> None:
    with running_system(platform, tmp_path) as system:
        job = begun(system)
        rules: list[int] = []
        refuse = {"do": "refuse", "reason": status}
        outage(
            system,
            lambda: rules.append(system.drive.fault(refuse, kinds=["media", "list", "get"])),
            lambda: system.drive.clear_faults(rules[0]),
        )
        check(system, job)


def test_drive_answering_errors_while_a_folder_is_listed_fails_no_folder(
    platform: Platform, tmp_path: Path
) -> None:
    with running_system(platform, tmp_path, None, ("--delay", "list=150")) as system:
        tree = {"name": "deep", "pictures": FILES, "size": 4096, "depth": 2, "fan_out": 12}
        folder = system.drive.add_tree(tree, render=True)
        system.start(*SERVICES)
        system.wait_ready()
        job = system.post_import(link(folder))
        system.wait_import(job, 60, lambda row: row["folders_listed"] >= 3)
        refuse = {"do": "refuse", "reason": "backendError"}
        rule = system.drive.fault(refuse, kinds=["list", "get"])
        time.sleep(OUTAGE_SECONDS)
        system.drive.clear_faults(rule)
        row = check(system, job)
        assert row["folders_failed"] == 0


@pytest.mark.parametrize("mode", [Mode.ANSWER_503, Mode.REFUSE])
def test_the_store_failing_for_a_while_fails_no_file_and_fetches_none_twice(
    platform: Platform, tmp_path: Path, mode: Mode
) -> None:
    with behind_proxy(platform, tmp_path, "S3_ENDPOINT_URL") as (system, proxy):
        job = begun(system)
        outage(system, lambda: proxy.set_mode(mode), lambda: proxy.set_mode(Mode.PASS))
        check(system, job)
        assert system.drive.requests()["media"] == FILES


def test_postgresql_gone_for_a_while_loses_no_row(platform: Platform, tmp_path: Path) -> None:
    with behind_proxy(platform, tmp_path, "DATABASE_URL") as (system, proxy):
        job = begun(system)
        outage(system, lambda: proxy.set_mode(Mode.REFUSE), lambda: proxy.set_mode(Mode.PASS))
        check(system, job)
        assert system.counted(job)["stored"] == FILES
