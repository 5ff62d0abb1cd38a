"""A folder of 1,000 pictures: every byte in the bucket, every row, every event in its topic."""

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from services.core import events as e
from services.core.wire import decode
from tests.platform import Platform, emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
TREE = {"name": "thousand", "pictures": 1000, "depth": 2, "fan_out": 3, "other_share": 0.02}


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    """One system for all imports here, each of a folder of its own."""
    with (
        TemporaryDirectory(prefix="drivestream-e2e-") as logs,
        emptied(servers) as platform,
        running_system(platform, Path(logs)) as system,
    ):
        system.start("api", "lister", "transfer", "indexer")
        system.wait_ready()
        yield system


def test_a_thousand_pictures_arrive_whole(system: System) -> None:
    folder = system.drive.add_tree(TREE)
    expected = {f["id"]: f for f in system.drive.files("thousand") if _is_image(f)}
    assert len(expected) == 1000
    before = _keys(system)
    job = system.post_import(link(folder))
    row = system.wait_import(job, 180)

    assert row["state"] == "completed", row
    assert (row["found"], row["stored"], row["failed"], row["pending"]) == (1000, 1000, 0, 0)
    assert sum(row["skipped"].values()) > 0
    assert row["stored_bytes"] == sum(f["size"] for f in expected.values())
    _check_bucket(system, _keys(system) - before, expected)
    _check_rows(system, expected)
    _check_topics(system, job, set(expected))
    _check_again(system, folder, set(expected))


def _is_image(file: dict[str, Any]) -> bool:
    return str(file["mimeType"]).startswith("image/")


def _keys(system: System) -> set[str]:
    """Every object in the bucket."""
    client, bucket = system.platform.minio(), system.platform.env["S3_BUCKET"]
    return {str(item.object_name) for item in client.list_objects(bucket, recursive=True)}


def _images(system: System, ids: Collection[str]) -> list[dict[str, Any]]:
    """The rows of these files."""
    return [row for row in system.get("/images") if row["google_drive_id"] in ids]


def _check_bucket(
    system: System, keys: Collection[str], expected: dict[str, dict[str, Any]]
) -> None:
    client, bucket = system.platform.minio(), system.platform.env["S3_BUCKET"]
    assert len(keys) == len(expected)
    found: dict[str, str] = {}
    for key in keys:
        answer = client.get_object(bucket, key)
        file_id = key[:33]
        found[file_id] = hashlib.md5(answer.read()).hexdigest()
        answer.close()
        answer.release_conn()
    assert found == {file_id: f["md5Checksum"] for file_id, f in expected.items()}


def _check_rows(system: System, expected: dict[str, dict[str, Any]]) -> None:
    rows = _images(system, expected)
    assert {r["google_drive_id"] for r in rows} == set(expected)
    assert len(rows) == len(expected)
    for row in rows:
        file = expected[row["google_drive_id"]]
        assert set(row) == {
            "id",
            "name",
            "google_drive_id",
            "size",
            "mime_type",
            "storage_path",
            "created_at",
            "content_type",
            "width",
            "height",
        }
        assert (row["name"], row["size"], row["mime_type"]) == (
            file["name"],
            file["size"],
            file["mimeType"],
        )
    some = rows[0]["google_drive_id"]
    with urllib.request.urlopen(f"{system.api_url}/images/{some}/content", timeout=60) as answer:
        assert answer.headers["content-type"] == rows[0]["content_type"]
        assert hashlib.md5(answer.read()).hexdigest() == expected[some]["md5Checksum"]


def _check_topics(system: System, job: str, ids: set[str]) -> None:
    found = _events(system, "files.found", job)
    assert {event.file_id for event in found if isinstance(event, e.FileFound)} == ids
    stored = _events(system, "files.stored", job)
    assert {event.file.file_id for event in stored if isinstance(event, e.FileStored)} == ids
    pages = _events(system, "imports.listed", job)
    assert {f.id for p in pages if isinstance(p, e.PageListed) for f in p.files} == ids
    (requested,) = [r for r in system.records("imports.requested") if r.key == job.encode()]
    assert isinstance(decode(requested.topic, requested.value), e.ImportRequested)
    assert _events(system, "files.failed", job) == []
    assert system.records("dead.letters") == []


def _events(system: System, topic: str, job: str) -> list[e.Message]:
    """An import's events in a topic."""
    events = [decode(record.topic, record.value) for record in system.records(topic)]
    return [
        event
        for event in events
        if not isinstance(event, e.WorkerStatus) and event.import_id == job
    ]


def _check_again(system: System, folder: str, ids: set[str]) -> None:
    """The second import of the same folder finds everything in place, and fetches nothing."""
    fetched = system.drive.requests()["media"]
    again = system.wait_import(system.post_import(link(folder)), 120)
    assert (again["state"], again["unchanged"], again["stored"]) == ("completed", 1000, 0)
    assert system.drive.requests()["media"] == fetched
    assert len(_images(system, ids)) == 1000


def test_hostile_names_land_under_keys_of_their_own(system: System) -> None:
    folder = system.drive.folder_id("hostile")
    expected = {f["id"]: f for f in system.drive.files("hostile") if _is_image(f)}
    before = _keys(system)
    row = system.wait_import(system.post_import(link(folder)), 120)
    reachable = row["stored"]
    assert row["pending"] == 0
    assert reachable > 5
    assert len(_keys(system) - before) == reachable
    names = {r["google_drive_id"]: r["name"] for r in _images(system, expected)}
    assert len(names) == reachable
    assert all(names[i] == expected[i]["name"].replace("\x00", "\ufffd") for i in names)


def test_a_folder_that_does_not_exist_fails_with_a_sentence(system: System) -> None:
    _check_fails(system, "1NoSuchFolderNoSuchFolderNoSuch00", "shared")


@pytest.mark.parametrize("key", ["wrong-key", ""], ids=["a wrong key", "no key"])
def test_an_import_that_cannot_work_fails_with_a_sentence(
    platform: Platform, tmp_path: Path, key: str
) -> None:
    with running_system(platform, tmp_path / "logs", {"GOOGLE_API_KEY": key}) as system:
        system.start("api", "lister", "transfer", "indexer")
        system.wait_ready()
        _check_fails(system, system.drive.folder_id("sample"), "GOOGLE_API_KEY")


def _check_fails(system: System, folder: str, word: str) -> None:
    before = system.drive.requests()
    row = system.wait_import(system.post_import(link(folder)), 90)
    assert row["state"] == "failed"
    assert word in row["message"]
    calls = {kind: count - before[kind] for kind, count in system.drive.requests().items()}
    assert calls["media"] == 0
    assert calls["list"] <= 3  # tried, and not for ever


def test_the_first_row_is_there_soon_after_the_post(system: System) -> None:
    folder = system.drive.add_tree({"name": "few", "pictures": 20}, render=True)
    job = system.post_import(link(folder))
    # Found is each file that a manifest or an outcome has named, in whatever order they are read.
    system.wait_import(job, 60, lambda row: row["stored"] > 0 and row["found"] == 20)


def test_what_is_no_folder_link_is_refused_with_the_reason(system: System) -> None:
    bodies = {
        b'{"folderUrl": "https://drive.google.com/file/d/1AbCdEfGhIjKlMnOp/view"}': "single file",
        b'{"folderUrl": "https://example.com/folders/1AbCdEfGhIjKlMnOp"}': "Google Drive",
        b'{"folderUrl": ""}': "folder",
        b'{"folderUrl": 7}': "folderUrl",
        b"{}": "folderUrl",
        b"not json": "JSON",
        json.dumps(
            {"folderUrl": "https://drive.google.com/" + "x" * 10_000}
        ).encode(): "characters",
    }
    before = system.records("imports.requested")
    for body, word in bodies.items():
        request = urllib.request.Request(
            f"{system.api_url}/import/google-drive", body, {"Content-Type": "application/json"}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        with refused.value as answer:
            problem = json.load(answer)
            assert answer.code == 400, (body, problem)
            assert answer.headers["Content-Type"].startswith("application/problem+json")
            assert word in problem["detail"], (body, problem)
    assert system.records("imports.requested") == before
