"""What the API tells of single files, on a real system: retries, rounds, and verified objects."""

import asyncio
import io
import json
import re
import urllib.error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec.structs import replace

from services.adapters.kafka.producer import Publisher
from services.adapters.kafka.settings import KafkaSettings
from services.core.events import FileFound, Message, Mode, RetryRequested
from services.core.settings import Reader
from services.core.topics import FILES_FOUND
from services.core.wire import decode
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
SERVICES = ("api", "lister", "transfer", "indexer")
REFUSED = "downloadQuotaExceeded"
QUOTA = "download_quota_exceeded"
ABOUT_A_PROCESS = re.compile(
    r"(api|kafka|process|status|tail)\.\w+|worker\.starting|\w+\.(waiting|goes_on|ready)"
)
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Import:
    """One import of three pictures, named `shaky`, `parked` and `plain`."""

    system: System
    job: str
    ids: Mapping[str, str]

    def file(self, name: str) -> Json:
        told: Json = self.system.get(f"/imports/{self.job}/files/{self.ids[name]}")
        return told

    def publish(self, *events: Message) -> None:
        """Put events into the log, as the API or the lister would."""

        async def publish() -> None:
            settings = KafkaSettings.read(Reader(self.system.platform.env))
            async with Publisher(settings, source="test") as publisher:
                await publisher.publish(events)

        asyncio.run(publish())

    def found(self, name: str) -> FileFound:
        """The file, as it was found first."""
        for record in self.system.records(FILES_FOUND.name):
            event = decode(record.topic, record.value)
            if isinstance(event, FileFound) and event.file_id == self.ids[name]:
                return event
        raise AssertionError(f"{name} was not found")

    def verified(self, name: str, round: int) -> Json:
        """What is told once the stored object was compared with what Drive said."""
        self.publish(replace(self.found(name), mode=Mode.VERIFY, round=round))

        def judged() -> bool:
            return any(one["round"] == round for one in self.file(name)["outcomes"])

        self.system.until(judged, 90, "no outcome of the verification")
        return self.file(name)


@pytest.fixture(scope="module")
def imported(servers: Mapping[str, str]) -> Iterator[Import]:
    """An import that ended: one file met two errors, another was refused."""
    with (
        TemporaryDirectory(prefix="drivestream-journey-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs)) as system,
    ):
        names = ("shaky", "parked", "plain")
        items = [{"path": f"{name}.jpg", "size": 20_000} for name in names]
        folder = system.drive.add_tree({"name": "journey", "items": items}, render=True)
        ids = {
            file["name"].removesuffix(".jpg"): file["id"] for file in system.drive.files("journey")
        }
        unavailable = {"do": "refuse", "reason": "unavailable"}
        system.drive.fault(unavailable, kinds=["media"], name="shaky.jpg", first=2)
        system.drive.fault({"do": "refuse", "reason": REFUSED}, kinds=["media"], name="parked.jpg")
        system.start(*SERVICES)
        system.wait_ready()
        job = system.post_import(link(folder))
        row = system.wait_import(job, 120)
        assert (row["stored"], row["failed"]) == (2, 1), row
        yield Import(system, job, ids)


def test_every_line_of_every_log_names_its_service_and_its_import(imported: Import) -> None:
    # The indexer says it after it has written it.
    imported.system.until(
        lambda: '"import.ended"' in imported.system.processes["indexer"].log.read_text(),
        60,
        "no word of the end",
    )
    lines = [
        json.loads(line)
        for process in imported.system.processes.values()
        # A line that is being written has no end yet.
        for line in process.log.read_text().rpartition("\n")[0].splitlines()
    ]
    assert {line["service"] for line in lines} == {*SERVICES}
    assert all(line["event"] and line["level"] and line["timestamp"] for line in lines)
    lines = [line for line in lines if line.get("path") != "/health/ready"]
    about = [line for line in lines if not ABOUT_A_PROCESS.fullmatch(line["event"])]
    assert [line for line in about if line.get("import_id") != imported.job] == []
    assert [line for line in lines if imported.job in str(line) and "import_id" not in line] == []
    assert {"request", "import.requested", "transfer.first_failure", "import.ended"} <= {
        line["event"] for line in about
    }


def answers(outcome: Json) -> list[tuple[str, str]]:
    return [(each["system"], each["answer"]) for each in outcome["tries"]]


def test_a_file_that_met_two_errors_tells_of_them(imported: Import) -> None:
    file = imported.file("shaky")
    assert (file["state"], file["attempts"], file["complete"]) == ("stored", 3, True)
    [outcome] = file["outcomes"]
    error = ("drive", "drive_unavailable")
    assert answers(outcome) == [error, error, ("drive", "ok"), ("store", "ok")]
    times = [datetime.fromisoformat(each["at"]) for each in outcome["tries"]]
    assert times == sorted(times)
    assert all(0 <= each["seconds"] < 30 for each in outcome["tries"])
    found = file["found"]["place"]
    [record] = [
        record
        for record in imported.system.records(FILES_FOUND.name)
        if (record.partition, record.offset) == (found["partition"], found["offset"])
    ]
    assert record.key == imported.ids["shaky"].encode()


def test_a_file_that_is_retried_tells_of_both_rounds(imported: Import) -> None:
    file = imported.file("parked")
    assert (file["state"], file["reason"]) == ("failed", QUOTA)
    assert answers(file["outcomes"][0]) == [("drive", QUOTA)]
    imported.system.drive.clear_faults()
    files = (imported.ids["parked"],)
    now = datetime.now(UTC)
    imported.publish(RetryRequested(import_id=imported.job, round=1, at=now, files=files))
    imported.system.until(
        lambda: imported.file("parked")["state"] == "stored", 90, "the retry did nothing"
    )
    file = imported.file("parked")
    told = [(one["round"], one["state"], one["reason"]) for one in file["outcomes"]]
    assert told == [(0, "failed", QUOTA), (1, "stored", None)]
    first, second = (one["found"]["place"] for one in file["outcomes"])
    assert first == file["found"]["place"]
    assert first["partition"] == second["partition"]
    assert first["offset"] < second["offset"]
    assert answers(file["outcomes"][1])[-2:] == [("drive", "ok"), ("store", "ok")]


def test_a_stored_object_is_verified_without_asking_drive(imported: Import) -> None:
    system, minio = imported.system, imported.system.platform.minio()
    bucket, key = system.platform.env["S3_BUCKET"], imported.file("plain")["object_key"]
    asked = system.drive.requests()
    file = imported.verified("plain", 1)
    assert file["outcomes"][-1]["state"] == "unchanged"
    assert file["outcomes"][-1]["sha256"] == file["outcomes"][0]["sha256"]
    minio.put_object(bucket, key, io.BytesIO(b"x" * 20_000), 20_000)
    assert imported.verified("plain", 2)["outcomes"][-1]["reason"] == "object_differs"
    minio.remove_object(bucket, key)
    file = imported.verified("plain", 3)
    assert file["outcomes"][-1]["reason"] == "object_missing"
    assert (file["state"], file["object_key"]) == ("stored", key)
    assert system.drive.requests() == asked


@pytest.mark.parametrize("path", ["nope/files/x", "{job}/files/nope"])
def test_what_is_unknown_is_not_found(imported: Import, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        imported.system.get("/imports/" + path.format(job=imported.job))
    assert caught.value.code == 404
