"""Workers that freeze, die in the middle of a large file, or die of one message."""

import signal
import time
from pathlib import Path

import pytest

from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core.settings import Reader
from services.core.topics import FILES_FOUND
from services.core.wire import Record
from tests.platform import Platform
from tests.system import link, running_system

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(500)]
SESSION_SECONDS = 6.0
MIB = 1024 * 1024


def test_a_worker_frozen_beyond_its_session_doubles_nothing_when_it_wakes(
    platform: Platform, tmp_path: Path
) -> None:
    files = 300
    with running_system(platform, tmp_path) as system:
        system.drive.fault({"do": "latency", "seconds": 0.3}, kinds=["media"])
        # Much is left to do, and in hand, when the worker freezes.
        still = system.drive.fault({"do": "latency", "seconds": 2}, kinds=["media"], from_=100)
        tree = {"name": "frozen", "pictures": files, "size": 8192, "depth": 1, "fan_out": 4}
        folder = system.drive.add_tree(tree, render=True)
        system.start("api", "indexer", "lister", "transfer-1", "transfer-2")
        system.wait_ready()
        job = system.post_import(link(folder))
        system.wait_import(job, 120, lambda row: row["stored"] >= 40)
        system.processes["transfer-1"].signal(signal.SIGSTOP)
        time.sleep(SESSION_SECONDS + 3)
        assert system.get(f"/imports/{job}")["state"] in ("listing", "transferring")
        system.drive.clear_faults(still)
        system.processes["transfer-1"].signal(signal.SIGCONT)
        row = system.wait_import(job, 240)
        assert (row["state"], row["stored"], row["failed"]) == ("completed", files, 0)
        assert len({r.key for r in system.records("files.stored")}) == files
        assert system.counted(job)["stored"] == files
        assert system.terminate("transfer-1") == 0


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_a_large_file_survives_its_worker(platform: Platform, tmp_path: Path, kill: bool) -> None:
    with running_system(platform, tmp_path) as system:
        item = {"path": "large.jpg", "size": 60 * MIB}
        system.drive.add_tree({"name": "large", "items": [item]}, render=True)
        # Drive falls silent in the middle, so the worker dies in the middle.
        system.drive.fault({"do": "stall", "after_bytes": 30 * MIB}, kinds=["media"], first=1)
        system.start("api", "indexer", "lister", "transfer")
        system.wait_ready()
        job = system.post_import(link(system.drive.folder_id("large")))
        system.until(lambda: bool(platform.incomplete_uploads()), 120, "no upload began")
        time.sleep(1)
        if kill:
            system.kill("transfer")
        else:
            # A drain of five seconds, then at once: Drive would be waited for half a minute longer.
            assert system.terminate("transfer", limit=20) == 0
            assert platform.incomplete_uploads() == [], "a cancelled upload is aborted"
        system.restart("transfer")
        row = system.wait_import(job, 240)
        assert (row["state"], row["stored"], row["failed"]) == ("completed", 1, 0)
        (said,) = system.drive.files("large")
        (image,) = system.get("/images")
        with system.platform.database() as database:
            rows = database.execute("SELECT md5, size FROM images").fetchall()
        assert rows == [(said["md5Checksum"], item["size"])]
        assert image["size"] == item["size"]


def test_a_message_that_kills_its_worker_is_set_aside_after_it_was_tried_alone(
    platform: Platform, tmp_path: Path
) -> None:
    files = 60
    with running_system(platform, tmp_path, {"TRANSFER_CONCURRENCY": "8"}) as system:
        tree = {"name": "deadly", "pictures": files, "size": 8192}
        folder = system.drive.add_tree(tree, render=True)
        deadly = sorted(system.drive.files("deadly"), key=lambda f: str(f["name"]))[20]
        slow = {"do": "latency", "seconds": 300}  # it dies first, however late that is noticed
        rule = system.drive.fault(slow, kinds=["media"], id=deadly["id"])
        system.start("api", "indexer", "lister", "transfer")
        system.wait_ready()
        job = system.post_import(link(folder))
        deaths = 0

        def ended_or_killed() -> bool:
            """Whoever fetches the deadly file dies of it."""
            nonlocal deaths
            if system.drive.hits(rule) > deaths:
                deaths = system.drive.hits(rule)
                system.kill("transfer")
                system.restart("transfer")
            return bool(system.get(f"/imports/{job}")["finished_at"])

        system.until(ended_or_killed, 180, "the import did not end")
        row = system.get(f"/imports/{job}")
        assert (row["stored"], row["failed"]) == (files - 1, 1)
        assert row["failures"] == {"worker_died": 1}
        # Three times among others, once in a batch unless it is the only suspect left, twice alone.
        assert deaths in {5, 6}
        assert "crashed repeatedly" in system.log("transfer")


async def test_an_event_of_a_newer_version_stops_a_transfer_with_a_sentence(
    platform: Platform, tmp_path: Path
) -> None:
    newer = b'{"type":"FileInvented","import_id":"job-1","what":"nobody knows yet"}'
    with running_system(platform, tmp_path) as system:
        settings = KafkaSettings.read(Reader(platform.env))
        async with Publisher(settings, source="test") as publisher:
            await publisher.publish([Record(topic=FILES_FOUND.name, key=b"k", value=newer)])
        system.start("transfer")
        process = system.processes["transfer"]
        system.until(lambda: not process.running, 120, "the transfer goes on")
        assert process.returncode == 1
        assert "FileInvented" in system.log("transfer")
        assert "Upgrade this service" in system.log("transfer")
        assert system.records("dead.letters") == []
