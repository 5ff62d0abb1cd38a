"""Whatever becomes of a topic under an import, the import ends in words, and the next one works.

Each topic on the way loses messages that somebody still needs: its records are deleted, or it is
made anew. `test_recovery.py` shows what is healed where only workers missed messages.
"""

import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from services.adapters.kafka.admin import Topics
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from services.core.topics import BY_NAME
from tests.integration.test_recovery import (
    FILES,
    LIMIT,
    SETTINGS,
    begin,
    delete_records,
    ended,
    fault,
    refusal,
    stopped,
)
from tests.platform import emptied
from tests.system import System, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(500)]


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    with (
        TemporaryDirectory(prefix="drivestream-lost-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs), SETTINGS) as system,
    ):
        system.start("api", "indexer", "lister", "transfer")
        system.wait_ready()
        yield system


def make_anew(system: System, *names: str) -> None:
    """Remove these topics, and make them as `setup` does."""
    settings = KafkaSettings.read(Reader(system.platform.env))
    admin = AdminClient({"bootstrap.servers": settings.bootstrap_servers})
    topics, until = Topics(settings), time.monotonic() + 60
    removed = set(topics.ids(names).values())
    for future in admin.delete_topics([settings.prefixed(name) for name in names]).values():
        future.result(60)
    # A broker may know of the removal later than the controller. Only a new id says that the topic
    # is another one: a name may still be that of the old one, which then disappears for good.
    while not replaced(topics, names, removed):
        assert time.monotonic() < until
        time.sleep(0.1)


def replaced(topics: Topics, names: Sequence[str], removed: Set[str]) -> bool:
    """Make what is missing. Whether each topic has another id than the removed ones."""
    with suppress(KafkaUnavailableError):  # an old one is still being removed
        for name in names:
            topics.make(BY_NAME[name])
        return removed.isdisjoint(topics.ids(names).values())
    return False


def published(system: System, job: str) -> None:
    """Until the log has all that lister and transfer say of an import."""

    def has(topic: str, count: int) -> bool:
        keys = [raw.headers["ce_importid"] for raw in system.records(topic)]
        return keys.count(job.encode()) >= count

    system.until(lambda: has("files.stored", FILES), LIMIT, "no downloads")
    system.until(lambda: has("imports.listed", 1), LIMIT, "no manifest")


def moved_on(system: System, job: str) -> Mapping[str, Any]:
    """The end of this import, after which another one works as ever."""
    row = ended(system, job, "topic lost")
    after = system.wait_import(begin(system), LIMIT)
    assert (after["state"], after["stored"]) == ("completed", FILES)
    return row


def check_complete(row: Mapping[str, Any]) -> None:
    assert (row["state"], row["stored"]) == ("completed", FILES), row


def check_in_words(system: System, row: Mapping[str, Any]) -> None:
    assert row["state"] == "failed", row
    assert "Kafka no longer has the message" in row["message"]
    assert system.get(f"/imports/{row['id']}")["waiting_for"] is None


def test_a_request_that_no_worker_has_read_is_told_of_as_lost(system: System) -> None:
    with stopped(system, "lister"):
        job = begin(system)
        system.wait_import(job, LIMIT, lambda row: row["requested_at"] is not None)
        system.wait_indexed()  # the indexer has read it, too
        delete_records(system, "imports.requested")
    check_in_words(system, moved_on(system, job))


def test_a_request_that_nobody_has_read_is_published_again(system: System) -> None:
    with stopped(system, "indexer", "lister"):
        job = begin(system)
        delete_records(system, "imports.requested")
    check_complete(moved_on(system, job))


def test_a_request_that_only_the_lister_has_read_is_made_again(system: System) -> None:
    system.drive.reset_log()
    with stopped(system, "indexer"):
        job = begin(system)
        published(system, job)
        delete_records(system, "imports.requested")
    check_complete(moved_on(system, job))
    assert len(system.drive.log("media")) == 2 * FILES  # of this import, and of the next one


@pytest.mark.parametrize("topic", ["imports.pages", "files.found"])
def test_work_whose_topic_is_made_anew_is_done_all_the_same(system: System, topic: str) -> None:
    worker = "lister" if topic == "imports.pages" else "transfer"
    with fault(system, {"do": "latency", "seconds": 1}, kinds=["list"]), stopped(system, worker):
        job = begin(system, depth=1, fan_out=3)
        time.sleep(1)
        make_anew(system, topic)
    check_complete(moved_on(system, job))


@pytest.mark.parametrize(
    ("topic", "destroy"), [("imports.listed", delete_records), ("files.stored", make_anew)]
)
def test_what_the_indexer_missed_is_brought_back_without_a_download(
    system: System, topic: str, destroy: Any
) -> None:
    system.drive.reset_log()
    with stopped(system, "indexer"):
        job = begin(system)
        published(system, job)
        destroy(system, topic)
    row = ended(system, job, topic)
    check_complete(row)
    assert len(system.drive.log("media")) == FILES
    moved_on(system, job)


def test_failures_that_the_indexer_missed_come_again(system: System) -> None:
    refused = refusal("notFound")
    with fault(system, refused, kinds=["media"]), stopped(system, "indexer"):
        job = begin(system)
        system.until(lambda: len(system.records("files.failed")) >= FILES, LIMIT, "no failures")
        make_anew(system, "files.failed")
    with fault(system, refused, kinds=["media"]):
        row = ended(system, job, "files.failed")
        assert (row["state"], row["failures"]) == ("completed_with_failures", {"not_found": FILES})
    moved_on(system, job)


def test_topics_that_are_made_anew_under_running_workers_cost_no_worker(system: System) -> None:
    with fault(system, {"do": "latency", "seconds": 1}, kinds=["media"]):
        job = begin(system)
        system.wait_import(job, LIMIT, lambda row: row["stored"] > 0)
        make_anew(system, "imports.requested", "imports.pages", "files.found")
    check_complete(moved_on(system, job))
    assert [p.returncode for p in system.processes.values()] == [None] * 4
