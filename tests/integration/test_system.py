"""What limits the speed, as a real system says it in which that limit was set up on purpose."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from services.api.lag import GROUPS, INDEXED
from services.core.topics import BY_NAME
from tests.fakes.s3_server import Answer
from tests.platform import emptied
from tests.store_proxy import Asked, StoreProxy, store_proxy
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(500)]
SECONDS = 120.0
FILES = 6_000


@pytest.fixture(scope="module")
def system(
    servers: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    logs = tmp_path_factory.mktemp("logs")
    with emptied(servers) as platform, running_system(platform, logs) as system:
        system.start("api", "indexer", "lister", "monitor")
        system.wait_ready()
        yield system


@pytest.fixture(scope="module")
def store(system: System) -> Iterator[StoreProxy]:
    """The store, which takes 0.6 seconds for each upload."""

    def slow(asked: Asked) -> Answer | None:
        if asked.method == "PUT":
            time.sleep(0.6)
        return None

    with store_proxy(system.platform.env["S3_ENDPOINT_URL"]) as proxy:
        proxy.answer = slow
        yield proxy


@pytest.fixture(scope="module")
def job(system: System) -> str:
    """An import with more to do than all cases finish."""
    tree = {"name": "many", "pictures": FILES, "size": 8192, "fan_out": 12, "depth": 1}
    return system.post_import(link(system.drive.add_tree(tree)))


@contextmanager
def transfer(system: System, name: str, **settings: str) -> Iterator[None]:
    before = system.env
    system.env = {**before, **settings}
    system.start(name)
    try:
        yield
    finally:
        system.env = before
        system.terminate(name)
        del system.processes[name]


def wait_for_limit(system: System, reason: str, sentence: str = "") -> Mapping[str, Any]:
    """Until the system says that this limits it, and in these words; the whole answer."""
    seen: dict[str, Any] = {}

    def said() -> bool:
        seen.update(system.get("/system"))
        limit = seen["limit"]
        return limit["reason"] == reason and sentence in limit["message"]

    system.until(said, SECONDS, lambda: f"{seen['limit']}\n{seen['workers']}")
    return seen


def test_nothing_to_do(system: System) -> None:
    seen = wait_for_limit(system, "nothing_to_do")
    told = {(each["group"], each["topic"], each["partition"]) for each in seen["lag"]}
    read = {**GROUPS, "indexer": INDEXED}
    assert told == {
        (group, topic, p)
        for group, topics in read.items()
        for topic in topics
        for p in range(BY_NAME[topic].partitions)
    }
    assert seen["dead_letters"] == 0
    services = {worker["service"] for worker in seen["workers"]}
    assert services == {"api", "indexer", "lister", "monitor"}


def test_too_few_workers_where_there_is_none(system: System, job: str) -> None:
    system.wait_import(job, SECONDS, lambda row: row["found"] == FILES)
    seen = wait_for_limit(system, "too_few_workers")
    assert "No transfer is running" in seen["limit"]["message"]

    def late() -> list[Mapping[str, Any]]:
        lag: list[Mapping[str, Any]] = system.get("/system")["lag"]
        return [each for each in lag if each["group"] == "transfer"]

    def whole() -> bool:
        """An answer may be some seconds old."""
        lags = late()
        return all(each["seconds"] for each in lags) and sum(x["messages"] for x in lags) == FILES

    system.until(whole, SECONDS, lambda: str(late()))
    assert all(each["committed"] is None and each["seconds"] < 300 for each in late())
    assert sum(each["end"] for each in late()) == len(system.records("files.found"))


def test_the_quota(system: System, job: str) -> None:
    with transfer(system, "transfer-quota", DRIVE_QUOTA_UNITS_PER_MINUTE="3000"):
        seen = wait_for_limit(system, "google_quota")
        [worker] = [w for w in seen["workers"] if w["service"] == "transfer"]
        assert worker["quota"]["limit"] == 2_640

        def most_wait_for_the_quota() -> bool:
            [worker] = [w for w in system.get("/system")["workers"] if w["service"] == "transfer"]
            most = worker["in_hand"]["quota"] > 0.5 * worker["in_flight"]
            return bool(most and len(worker["holds"]) == 12)

        # What is in hand is a mean of some seconds.
        system.until(most_wait_for_the_quota, SECONDS, "less than half wait for the quota")


def test_the_store(system: System, job: str, store: StoreProxy) -> None:
    with transfer(system, "transfer-store", S3_ENDPOINT_URL=store.url, TRANSFER_CONCURRENCY="4"):
        wait_for_limit(system, "store", "The object store takes ")


def test_memory(system: System, job: str, store: StoreProxy) -> None:
    settings = {"TRANSFER_MEMORY_MB": "1", "TRANSFER_CONCURRENCY": "500"}
    with transfer(system, "transfer-memory", S3_ENDPOINT_URL=store.url, **settings):
        seen = wait_for_limit(system, "memory")
        assert "TRANSFER_MEMORY_MB" in seen["limit"]["message"]


def test_drives_answers(system: System, job: str) -> None:
    rule = system.drive.fault({"do": "latency", "seconds": 2}, kinds=["media"])
    with transfer(system, "transfer-drive", TRANSFER_CONCURRENCY="2"):
        wait_for_limit(system, "drive", "Google Drive ")
        system.drive.clear_faults(rule)


def test_too_few_workers_where_everything_else_is_quick(system: System, job: str) -> None:
    with transfer(system, "transfer-few", TRANSFER_CONCURRENCY="1"):
        wait_for_limit(system, "too_few_workers")
        # The monitor counts what this one stores, and so the hour has a rate.
        system.until(
            lambda: bool(system.get("/system")["rates"]["minutes"]), SECONDS, "there are no rates"
        )
