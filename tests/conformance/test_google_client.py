"""google-api-python-client reads the emulator, with its address and through the proxy."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drive_emulator.auth.service_accounts import EMAIL
from drive_emulator.testing import RunningEmulator
from tests.conformance.tree import NAME

LIMIT_S = 120
NATIVE = "application/vnd.google-apps."
WAYS = (
    "key at the endpoint",
    "account at the endpoint",
    "key by the proxy",
    "account by the proxy",
)


@dataclass(frozen=True)
class Seen:
    """What the client found, and the emulator's log of its requests."""

    way: str
    report: Mapping[str, Any]
    log: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["kind"] == kind]


@pytest.fixture(scope="module")
def group(drive: RunningEmulator) -> list[str]:
    """Enough folder ids for a query of more than 2,048 characters; one of them exists."""
    return [drive.folder_id("grouped"), *(f"{n:033d}" for n in range(60))]


@pytest.fixture(scope="module", params=WAYS)
def seen(
    request: pytest.FixtureRequest,
    drive: RunningEmulator,
    account: Path,
    environment: dict[str, str],
    group: list[str],
) -> Seen:
    """One run of the client, the same code each time."""
    way = str(request.param)
    asked: dict[str, Any] = {
        "folder": drive.folder_id(NAME),
        "ids": drive.refs(NAME),
        "group": group,
        "endpoint": f"{drive.url}/drive/v3/" if "endpoint" in way else "",
    }
    asked |= {"account": str(account)} if "account" in way else {"key": drive.api_key}
    since = max((line["n"] for line in drive.log()), default=0)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.conformance.google_client", json.dumps(asked)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert ran.returncode == 0, ran.stderr[-4_000:]
    return Seen(way, json.loads(ran.stdout), drive.log(since=since))


def test_every_file_is_found_with_its_size_and_checksum(seen: Seen, drive: RunningEmulator) -> None:
    told = {file["id"]: file for file in drive.files(NAME)}
    found = {file["id"]: file for file in seen.report["found"]}
    assert len(found) == len(seen.report["found"])
    blobs = {each for each, file in found.items() if not file["mimeType"].startswith(NATIVE)}
    assert blobs == set(told)
    for each in blobs:
        names = ("name", "mimeType", "md5Checksum")
        assert [found[each][name] for name in names] == [told[each][name] for name in names]
        assert int(found[each]["size"]) == told[each]["size"]


def test_folders_shortcuts_and_documents_are_found_as_such(
    seen: Seen, drive: RunningEmulator
) -> None:
    ids = drive.refs(NAME)
    kinds = {file["id"]: file["mimeType"].removeprefix(NATIVE) for file in seen.report["found"]}
    assert kinds[ids["emptier"]] == "folder"
    assert kinds[ids["document"]] == "document"
    shortcuts = [file for file in seen.report["found"] if "shortcutDetails" in file]
    targets = {file["id"]: file["shortcutDetails"] for file in shortcuts}
    assert set(targets) == {ids["to two"], ids["to a/b"], ids["dangling"]}
    assert targets[ids["to two"]]["targetId"] == ids["two"]
    assert ids["private"] not in kinds


def test_listings_were_paged(seen: Seen) -> None:
    of_a_folder = [line for line in seen.of("list") if line["params"].get("pageSize") == "3"]
    later = [line for line in of_a_folder if "pageToken" in line["params"]]
    assert (len(of_a_folder), len(later)) == (10, 4)  # 15 items of the root are five pages
    assert all(line["status"] == 200 and line["method"] == "GET" for line in of_a_folder)
    assert all(line["params"]["alt"] == "json" for line in of_a_folder)


def test_every_download_matches_its_checksum(seen: Seen, drive: RunningEmulator) -> None:
    told = {file["id"]: [file["size"], file["md5Checksum"]] for file in drive.files(NAME)}
    assert seen.report["downloaded"] == told


def test_downloads_are_ranges_and_the_empty_file_is_a_416(
    seen: Seen, drive: RunningEmulator
) -> None:
    ids = drive.refs(NAME)
    spans = [line["range"] for line in seen.of("media") if line["path"].endswith(ids["two"])]
    assert spans == ["bytes=0-6999", "bytes=7000-13999", "bytes=14000-20999"]
    [empty] = [line for line in seen.of("media") if line["path"].endswith(ids["empty"])]
    assert (empty["status"], empty["reason"]) == (416, "requestedRangeNotSatisfiable")


def test_a_file_with_a_resource_key_needs_it(seen: Seen, drive: RunningEmulator) -> None:
    keyed = drive.refs(NAME)["keyed"]
    assert seen.report["refused"]["keyed"][:2] == [404, "notFound"]
    assert seen.report["downloaded"][keyed][0] == 5_000


def test_a_long_query_is_sent_as_a_form_and_finds_the_same(
    seen: Seen, drive: RunningEmulator, group: list[str]
) -> None:
    root = drive.folder_id("grouped")
    [line] = [line for line in seen.of("list") if root in line["params"].get("q", "")]
    assert len(line["params"]["q"]) > 2_048
    assert line["params"]["q"].count(" or ") == len(group) - 1
    assert line["method"] == "GET"  # by its X-HTTP-Method-Override; it was sent as a POST
    assert len(seen.report["grouped"]) == 62


def test_a_name_with_quotes_is_found(seen: Seen, drive: RunningEmulator) -> None:
    assert seen.report["quoted"] == [drive.refs(NAME)["quoted"]]


def test_the_calls_of_a_batch_are_answered_and_counted_separately(
    seen: Seen, drive: RunningEmulator
) -> None:
    ids = drive.refs(NAME)
    expected = {ids["two"]: ids["two"], ids["under"]: ids["under"], "nobody": 404}
    assert seen.report["batched"] == expected
    assert [line["path"] for line in seen.of("batch")] == ["/batch/drive/v3"]
    inner = [line for line in seen.of("get") if line["params"].get("fields") == "id"]
    assert [line["status"] for line in inner] == [200, 200, 404]


def test_a_document_is_exported(seen: Seen) -> None:
    assert seen.report["exported"] == seen.report["export_media"]
    assert [line["status"] for line in seen.of("export")] == [200, 200, 400, 403]


def test_every_error_has_googles_reason(seen: Seen) -> None:
    reasons = {name: told[:2] for name, told in seen.report["refused"].items()}
    account = "account" in seen.way
    assert reasons == {
        "nobody": [404, "notFound"],
        "private": [404, "notFound"],
        "keyed": [404, "notFound"],
        "folder": [403, "fileNotDownloadable"],
        "document": [403, "fileNotDownloadable"],
        "q": [400, "invalid"],
        "fields": [400, "invalidParameter"],
        "format": [400, "badRequest"],
        "bytes": [403, "fileNotExportable"],
        "about": [200, ""] if account else [401, "required"],
    }
    assert seen.report["refused"]["nobody"][2] == "File not found: nobody."


def test_the_log_has_the_account(seen: Seen) -> None:
    account = "account" in seen.way
    assert len(seen.of("token")) == (1 if account else 0)
    callers = {line["caller"]["account"] for kind in ("list", "media") for line in seen.of(kind)}
    assert callers == ({EMAIL} if account else {""})
    assert all("(gzip)" in line["agent"] for line in seen.of("list"))
