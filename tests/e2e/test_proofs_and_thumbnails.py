"""What others' tools make of a real import: its checksums, its manifest, its thumbnails."""

import csv
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from PIL import Image

from services.core.thumbnail import PREFIX
from tests.platform import emptied
from tests.system import System, link, running_system

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
PICTURES = 12
PRIVATE = {"S3_PUBLIC_READ": "false"}


@pytest.fixture(scope="module")
def system(servers: Mapping[str, str]) -> Iterator[System]:
    with (
        TemporaryDirectory(prefix="drivestream-proofs-") as logs,
        emptied({**servers, **PRIVATE}) as platform,
        running_system(platform, Path(logs)) as system,
    ):
        system.start("api", "lister", "transfer", "indexer")
        system.wait_ready()
        yield system


@pytest.fixture(scope="module")
def job(system: System) -> str:
    """An import that has ended."""
    folder = system.drive.add_tree({"name": "few", "pictures": PICTURES}, render=True)
    job = system.post_import(link(folder))
    assert system.wait_import(job, 120)["state"] == "completed"
    return job


def watched(system: System, job: str) -> Mapping[str, Any]:
    """What its stream says of an import once it has ended, which is what a request says."""
    stream = f"{system.api_url}/imports/{job}/events"
    with urllib.request.urlopen(stream, timeout=120) as lines:
        for line in lines:
            if line.startswith(b'data: {"id":'):
                row: Mapping[str, Any] = json.loads(line[6:])
                if row["finished_at"]:
                    assert row == system.get(f"/imports/{job}")
                    return row
    raise AssertionError("the stream ended before the import")


def test_a_preview_says_what_the_import_stores_and_the_stream_shows_it(system: System) -> None:
    tree = {"name": "seen", "pictures": 6, "size": 4096, "depth": 1, "fan_out": 2}
    folder = system.drive.add_tree(tree, render=True)
    status, seen = system.post("/imports/preview", {"folderUrl": link(folder)})
    assert (status, seen["complete"], seen["stopped_by"]) == (200, True, None)
    row = watched(system, system.post_import(link(folder)))
    assert (seen["name"], seen["images"]) == (row["name"], row["found"])
    assert (seen["bytes"], seen["folders"]) == (row["found_bytes"], row["folders_found"])
    status, problem = system.post("/imports/preview", {"folderUrl": link("1" + "x" * 32)})
    assert (status, problem["code"]) == (404, "folder_not_found")


def text(system: System, path: str) -> str:
    with urllib.request.urlopen(f"{system.api_url}{path}", timeout=60) as answer:
        body: bytes = answer.read()
        return body.decode()


@pytest.fixture(scope="module")
def downloaded(system: System, job: str) -> Iterator[Path]:
    """All objects, by their keys, with SHA256SUMS beside them."""
    client, bucket = system.platform.minio(), system.platform.env["S3_BUCKET"]
    with TemporaryDirectory(prefix="drivestream-objects-") as name:
        folder = Path(name)
        for item in client.list_objects(bucket, recursive=True):
            key = str(item.object_name)
            if not key.startswith(PREFIX):
                client.fget_object(bucket, key, str(folder / key))
        (folder / "SHA256SUMS").write_text(text(system, f"/imports/{job}/SHA256SUMS"))
        yield folder


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    own = {"PATH": os.environ["PATH"], "HOME": str(folder)}  # no certificates or proxies of others
    return subprocess.run(
        command, cwd=folder, env=own, capture_output=True, text=True, timeout=120, check=False
    )


def test_sha256sum_accepts_the_checksums(downloaded: Path) -> None:
    ended = run(downloaded, "sha256sum", "--check", "--strict", "SHA256SUMS")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(": OK") == PICTURES


def test_rclone_accepts_the_checksums(system: System, downloaded: Path) -> None:
    program = shutil.which("rclone")
    if program is None:
        pytest.skip("rclone is not installed")
    env = system.platform.env
    store = (
        f":s3,provider=Minio,access_key_id={env['AWS_ACCESS_KEY_ID']},"
        f"secret_access_key={env['AWS_SECRET_ACCESS_KEY']},"
        f"endpoint='{env['S3_ENDPOINT_URL']}':{env['S3_BUCKET']}"
    )
    flags = ("--config", "/nonexistent/rclone.conf", "--retries", "1")
    for where in ((str(downloaded), "--one-way"), (store, "--one-way", "--download")):
        ended = run(downloaded, program, "checksum", "sha256", "SHA256SUMS", *where, *flags)
        assert ended.returncode == 0, ended.stderr
        assert f"{PICTURES} matching files" in ended.stderr, ended.stderr


def test_the_manifest_is_what_was_imported(system: System, job: str) -> None:
    manifest = text(system, f"/imports/{job}/manifest.csv")
    rows = list(csv.DictReader(StringIO(manifest, newline=""), strict=True))
    report = system.get(f"/imports/{job}")
    assert len(rows) == report["found"] + sum(report["skipped"].values())
    stored = [row for row in rows if row["state"] == "stored"]
    assert sum(int(row["size"]) for row in stored) == report["stored_bytes"]
    client, bucket = system.platform.minio(), system.platform.env["S3_BUCKET"]
    keys = {str(item.object_name) for item in client.list_objects(bucket, recursive=True)}
    assert {row["object_key"] for row in stored} <= keys


def test_thumbnails_are_made_once_and_found_after_a_restart(system: System, job: str) -> None:
    images = system.get("/images")
    ids = [row["google_drive_id"] for row in system.get(f"/images?import={job}")]
    addresses = [f"{system.api_url}/images/{id}/thumbnail?width=150" for id in ids]
    with ThreadPoolExecutor(16) as viewers:
        first = list(viewers.map(_fetched, addresses * 3))
    for body in first:
        picture = Image.open(BytesIO(body))
        assert (picture.format, picture.width) == ("WEBP", 160)
    assert _counted(system, "drawn") == PICTURES
    assert system.terminate("api") == 0
    system.restart("api")
    system.wait_ready()
    assert [_fetched(address) for address in addresses] == first[:PICTURES]
    assert (_counted(system, "drawn"), _counted(system, "kept")) == (0, PICTURES)
    assert system.get("/images") == images  # thumbnails are no images


def test_what_is_no_picture_is_refused_and_harms_nobody(system: System, job: str) -> None:
    row, other = system.get(f"/images?import={job}&limit=2")
    manifest = StringIO(text(system, f"/imports/{job}/manifest.csv"), newline="")
    [key] = [
        found["object_key"]
        for found in csv.DictReader(manifest)
        if found["google_drive_id"] == row["google_drive_id"]
    ]
    bad = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    system.platform.minio().put_object(
        system.platform.env["S3_BUCKET"], key, BytesIO(bad), len(bad)
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        _fetched(f"{system.api_url}/images/{row['google_drive_id']}/thumbnail?width=640")
    with refused.value as answer:
        assert answer.code == 415
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert b"not a picture" in answer.read()
    assert _fetched(f"{system.api_url}/images/{other['google_drive_id']}/thumbnail?width=640")


def _fetched(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:
        body: bytes = answer.read()
        return body


def _counted(system: System, outcome: str) -> int:
    name = f'drivestream_api_thumbnails_total{{outcome="{outcome}"}} '
    found = [row for row in text(system, "/metrics").splitlines() if row.startswith(name)]
    return sum(int(float(row.split()[-1])) for row in found)
