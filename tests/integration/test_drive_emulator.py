"""The emulator as a process: Google's own client lists and downloads from it, unchanged."""

import errno
import hashlib
import importlib
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from drive_emulator.testing import EmulatorFailed, RunningEmulator, running_emulator

# It has no type information, so it is imported dynamically.
discovery: Any = importlib.import_module("googleapiclient.discovery")
errors: Any = importlib.import_module("googleapiclient.errors")
transfers: Any = importlib.import_module("googleapiclient.http")

FOLDER = "application/vnd.google-apps.folder"
START_S = 60.0


@pytest.fixture(scope="module")
def drive() -> Iterator[RunningEmulator]:
    with running_emulator(api_key="google's key") as drive:
        yield drive


@pytest.fixture
def google(drive: RunningEmulator) -> Iterator[Any]:
    """google-api-python-client with the emulator's address."""
    options = {"api_endpoint": f"{drive.url}/drive/v3/"}
    with discovery.build(
        "drive", "v3", developerKey=drive.api_key, client_options=options
    ) as client:
        yield client


def listed(google: Any, q: str, fields: str, page_size: int = 100) -> Iterator[dict[str, Any]]:
    """All files of a query, page by page, as Google's documentation shows it."""
    request = google.files().list(q=q, fields=f"nextPageToken,files({fields})", pageSize=page_size)
    while request is not None:
        answer = request.execute()
        yield from answer["files"]
        request = google.files().list_next(request, answer)


def below(google: Any, folder: str, fields: str) -> Iterator[dict[str, Any]]:
    """All files under a folder."""
    for file in listed(google, f"'{folder}' in parents and trashed = false", fields):
        if file["mimeType"] == FOLDER:
            yield from below(google, file["id"], fields)
        else:
            yield file


def downloaded(google: Any, file_id: str, chunk: int) -> bytes:
    out = io.BytesIO()
    download = transfers.MediaIoBaseDownload(out, google.files().get_media(fileId=file_id), chunk)
    done = False
    while not done:
        _, done = download.next_chunk()
    return out.getvalue()


def test_googles_client_finds_every_file_of_a_tree(drive: RunningEmulator, google: Any) -> None:
    spec = {"name": "walked", "pictures": 450, "size": [5_000, 60_000], "depth": 2, "fan_out": 3}
    folder = drive.add_tree({**spec, "other_share": 0.1})
    expected = {file["id"]: file for file in drive.files("walked")}
    found = list(below(google, folder, "id,name,mimeType,size,md5Checksum"))
    assert len(found) == len(expected) == 500
    for file in found:
        told = expected[file["id"]]
        assert {**file, "size": int(file["size"])} == {name: told[name] for name in file}


def test_downloads_of_googles_client_match_the_checksum(
    drive: RunningEmulator, google: Any
) -> None:
    drive.add_tree({"name": "fetched", "pictures": 6, "size": [20_000, 900_000]})
    for file in drive.files("fetched"):
        content = downloaded(google, file["id"], chunk=300_000)
        assert len(content) == file["size"]
        assert hashlib.md5(content).hexdigest() == file["md5Checksum"]
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()


def test_googles_client_downloads_an_empty_file(drive: RunningEmulator, google: Any) -> None:
    empty = next(file for file in drive.files("hostile") if file["size"] == 0)
    assert downloaded(google, empty["id"], chunk=1_000) == b""


def test_googles_client_sends_long_queries_as_a_form(drive: RunningEmulator, google: Any) -> None:
    folder = drive.add_tree({"name": "grouped", "pictures": 20, "size": 4_096})
    group = " or ".join(
        [f"'{folder}' in parents", *(f"'nobody{n}' in parents" for n in range(150))]
    )
    assert len(list(listed(google, group, "id", page_size=6))) == 20


def test_googles_client_understands_the_errors(google: Any, drive: RunningEmulator) -> None:
    with pytest.raises(errors.HttpError) as missing:
        google.files().get(fileId="nobody").execute()
    assert missing.value.status_code == 404
    assert missing.value.reason == "File not found: nobody."
    with pytest.raises(errors.HttpError) as folder:
        google.files().get_media(fileId=drive.folder_id("sample")).execute()
    assert folder.value.error_details[0]["reason"] == "fileNotDownloadable"


def test_a_large_file_is_streamed_in_constant_memory(drive: RunningEmulator) -> None:
    size = 300_000_000
    drive.add_tree({"name": "large", "pictures": 1, "size": size})
    [file] = drive.files("large")
    before = resident(drive.pid)
    url = f"{drive.url}/drive/v3/files/{file['id']}?alt=media&key={drive.api_key}"
    digest, received = hashlib.md5(), 0
    with httpx.stream("GET", url, timeout=60) as answer:
        for part in answer.iter_bytes():
            digest.update(part)
            received += len(part)
    assert (received, digest.hexdigest()) == (size, file["md5Checksum"])
    assert resident(drive.pid) - before < 50_000_000


def resident(pid: int) -> int:
    """Memory of a process, in bytes."""
    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True)
    return int(answer.stdout) * 1024


def test_ids_and_bytes_survive_a_restart(drive: RunningEmulator) -> None:
    names = ("twin.jpg", "..", "notes.txt")
    with running_emulator() as other:
        first, second = (
            [file for file in each.files("hostile") if file["name"] in names]
            for each in (drive, other)
        )
    assert first == second
    assert len(first) == 4


def test_requests_are_counted_by_method(drive: RunningEmulator, google: Any) -> None:
    before = drive.requests()
    list(listed(google, f"'{drive.folder_id('hostile')}' in parents", "id", page_size=1_000))
    after = drive.requests()
    assert {name: after[name] - before[name] for name in ("list", "get", "media")} == {
        "list": 1,
        "get": 0,
        "media": 0,
    }


def test_an_invalid_tree_is_refused_with_the_reason(drive: RunningEmulator) -> None:
    with pytest.raises(EmulatorFailed, match="missing required field `pictures`"):
        drive.add_tree({"name": "unfinished"})
    with pytest.raises(EmulatorFailed, match="no tree 'nobody'"):
        drive.folder_id("nobody")


def started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "drive_emulator", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_and_stops_on_a_signal(number: signal.Signals) -> None:
    tree = '{"name": "bench", "pictures": 12345, "size": 102400}'
    with started("--port", "0", "--tree", tree) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        assert lines[0].startswith("Drive emulator on http://127.0.0.1:")
        links = "https://drive.google.com/drive/folders/1"
        assert lines[1].startswith(f"sample: {links}")
        assert lines[3].startswith(f"bench: {links}")
        assert lines[3].endswith("(12,345 pictures)\n")
        process.send_signal(number)
        out, err = process.communicate(timeout=START_S)
    assert (process.returncode, out, err) == (0, "", "")


def test_an_open_request_does_not_prevent_it_from_stopping() -> None:
    tree = '{"name": "huge", "pictures": 1, "size": 200000000}'
    with started("--port", "0", "--tree", tree) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with httpx.stream("GET", f"{url}/_emu/trees/huge/files", timeout=60) as answer:
            file_id = answer.read().split(b'"')[3].decode()
        media = f"{url}/drive/v3/files/{file_id}?alt=media&key=emulator-key"
        with httpx.stream("GET", media, timeout=60) as answer:
            assert next(answer.iter_bytes())
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=START_S) == 0
        process.communicate()


def test_it_stops_when_its_parent_is_gone() -> None:
    with started("--port", "0", "--stop-on-eof", stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=START_S) == 0


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("--port", str(port)) as process:
            out, err = process.communicate(timeout=START_S)
    assert (process.returncode, out) == (2, "")
    reason = os.strerror(errno.EADDRINUSE)
    assert err == f"drive_emulator: cannot listen on 127.0.0.1 port {port}: {reason}\n"


@pytest.mark.parametrize(
    "arguments", [("--port", "99999"), ("--tree", "{}"), ("--seed", "x"), ("--nonsense",)]
)
def test_a_bad_setting_is_refused_before_anything_starts(arguments: tuple[str, ...]) -> None:
    with started(*arguments) as process:
        out, err = process.communicate(timeout=START_S)
    assert (process.returncode, out) == (2, "")
    assert "drive_emulator" in err
    assert "Traceback" not in err
