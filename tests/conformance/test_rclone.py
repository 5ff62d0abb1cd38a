"""rclone, as packaged by Debian, lists, copies and checks a tree of the emulator."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from drive_emulator.testing import RunningEmulator
from tests.conformance.tree import ACCOUNT, NAME

LIMIT_S = 120
FULL_WIDTH = str.maketrans({"\uff0f": "/", "\u240a": "\n", "\uff0e": "."})
"""How rclone writes characters that cannot be in a path; no name of our tree has them itself."""

LIST_PARAMS = {
    "alt": "json",
    "includeItemsFromAllDrives": "true",
    "pageSize": "1000",
    "prettyPrint": "false",
    "supportsAllDrives": "true",
}
GROUP = re.compile(r"trashed=false and \('[\w-]+' in parents(?: or '[\w-]+' in parents){0,49}\)")


@pytest.fixture(scope="module")
def program() -> str:
    """The path of rclone. CI must have it: a check that can be skipped proves nothing."""
    found = shutil.which("rclone")
    if found is None and (os.environ.get("CI") or os.environ.get("REQUIRE_RCLONE")):
        pytest.fail("rclone is not installed, and CI or REQUIRE_RCLONE insists on it")
    if found is None:
        pytest.skip("rclone is not installed")
    return found


class Rclone:
    """Runs rclone in an environment, on a folder of Drive."""

    def __init__(self, program: str, environment: Mapping[str, str], login: str) -> None:
        self._program = program
        self._environment = {**environment, "RCLONE_CONFIG": "/nonexistent/rclone.conf"}
        self._login = login

    def folder(self, folder_id: str) -> str:
        """A connection string, because there is no configuration."""
        return f":drive,root_folder_id={folder_id},scope=drive.readonly,{self._login}:"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        flags = ("--drive-skip-dangling-shortcuts", "--retries", "1", "--low-level-retries", "2")
        return subprocess.run(
            [self._program, *arguments, *flags],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )


@pytest.fixture(scope="module", params=["service account", "token"])
def rclone(
    request: pytest.FixtureRequest,
    program: str,
    drive: RunningEmulator,
    account: Path,
    environment: dict[str, str],
) -> Rclone:
    """rclone with each way to log in, and each way to trust the certificate."""
    if request.param == "service account":
        return Rclone(program, environment, f"service_account_file={account}")
    trust = {"RCLONE_CA_CERT": environment["SSL_CERT_FILE"]}
    others = {name: value for name, value in environment.items() if name != "SSL_CERT_FILE"}
    token = {
        "access_token": drive.bearer(ACCOUNT),
        "token_type": "Bearer",
        "expiry": "2099-01-01T00:00:00Z",
    }
    quoted = json.dumps(token).replace('"', '""')
    return Rclone(program, {**others, **trust}, f'token="{quoted}"')


def listing(rclone: Rclone, folder: str) -> list[dict[str, Any]]:
    ran = rclone.run("lsjson", "-R", "--hash", "--fast-list", rclone.folder(folder))
    assert ran.returncode == 0, ran.stderr
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def since(drive: RunningEmulator) -> int:
    return max((line["n"] for line in drive.log()), default=0)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def plain(path: str) -> str:
    return path.translate(FULL_WIDTH)


def test_it_lists_what_the_emulator_lists(rclone: Rclone, drive: RunningEmulator) -> None:
    found = listing(rclone, drive.folder_id(NAME))
    told = {f["id"]: (f["path"], f["size"], f["md5Checksum"]) for f in drive.files(NAME)}
    files = [each for each in found if "md5" in each.get("Hashes", {}) and "\t" not in each["ID"]]
    # One picture is found again through the shortcut to a folder.
    through = [each for each in files if each["Path"].startswith("shortcut to a folder/")]
    assert [each["ID"] for each in through] == [drive.refs(NAME)["under"]]
    once = [each for each in files if each not in through]
    assert len(once) == len(told)
    assert {f["ID"]: (plain(f["Path"]), f["Size"], f["Hashes"]["md5"]) for f in once} == told


def test_it_sees_folders_shortcuts_and_documents(rclone: Rclone, drive: RunningEmulator) -> None:
    ids = drive.refs(NAME)
    found = {each["Path"]: each for each in listing(rclone, drive.folder_id(NAME))}
    folders = {plain(path) for path, each in found.items() if each["IsDir"]}
    assert folders == {"album", "empty", "empty/emptier", "a/b", "shortcut to a folder"}
    assert found["shortcut to two.jpg"]["ID"] == f"{ids['two']}\t{ids['to two']}"
    assert found["shortcut to a folder"]["ID"] == f"{ids['a/b']}\t{ids['to a/b']}"
    assert (found["a document.docx"]["ID"], found["a document.docx"]["Size"]) == (
        ids["document"],
        -1,
    )
    absent = {"dangling.jpg", "thrown away.jpg", "private.jpg"}
    assert not absent & set(found)


def test_it_copies_every_byte_and_its_check_passes(
    rclone: Rclone, drive: RunningEmulator, tmp_path: Path
) -> None:
    source, before = rclone.folder(drive.folder_id(NAME)), since(drive)
    ran = rclone.run("copy", "--create-empty-src-dirs", source, str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "twin.jpg: Duplicate object found in source - ignoring" in ran.stderr
    told = list(drive.files(NAME))
    copied = {str(p.relative_to(tmp_path)): p for p in tmp_path.rglob("*") if p.is_file()}
    expected = {f["path"]: f["md5Checksum"] for f in told if f["name"] != "twin.jpg"}
    expected["shortcut to two.jpg"] = expected["album/two.jpg"]
    expected["shortcut to a folder/under a slash.jpg"] = expected["a/b/under a slash.jpg"]
    twins = {f["md5Checksum"] for f in told if f["name"] == "twin.jpg"}
    assert md5(copied.pop("twin.jpg")) in twins
    assert copied.pop("a document.docx").read_bytes().startswith(b"PK")
    assert {plain(path): md5(file) for path, file in copied.items()} == expected
    assert (tmp_path / "empty" / "emptier").is_dir()
    lines = drive.log("media", before)
    assert len(lines) == len(expected) + 1
    assert all((line["status"], line["params"]) == (200, {"alt": "media"}) for line in lines)
    assert all(line["range"] == "" for line in lines)
    assert [line["path"] for line in drive.log("export", before)] == [
        "/feeds/download/documents/export/Export"
    ]

    checked = rclone.run("check", source, str(tmp_path))
    assert checked.returncode == 0, checked.stderr
    assert f"{len(expected) + 2} matching files" in checked.stderr
    (tmp_path / "album" / "one.jpg").write_bytes(b"x" * 20_000)
    checked = rclone.run("check", source, str(tmp_path))
    assert checked.returncode == 1
    assert "album/one.jpg: md5 differ" in checked.stderr


def test_its_requests_have_the_known_form(rclone: Rclone, drive: RunningEmulator) -> None:
    before = since(drive)
    listing(rclone, drive.folder_id(NAME))
    lists, gets = drive.log("list", before), drive.log("get", before)
    for line in lists:
        params = dict(line["params"])
        assert GROUP.fullmatch(params.pop("q"))
        fields = params.pop("fields")
        assert fields.startswith("files(id,name,size,md5Checksum,")
        assert fields.endswith("),nextPageToken,incompleteSearch")
        assert params == LIST_PARAMS
        assert line["status"] == 200
    ids = drive.refs(NAME)
    shortcuts = sorted((line["path"].rpartition("/")[2], line["status"]) for line in gets)
    targets = [(ids["two"], 200), (ids["a/b"], 200)]
    assert [each for each in shortcuts if each[1] == 200] == sorted(targets)
    assert [status for _, status in shortcuts if status != 200] == [404]
    assert drive.log("media", before) == []


def test_it_queries_many_folders_at_once(rclone: Rclone, drive: RunningEmulator) -> None:
    before = since(drive)
    found = listing(rclone, drive.folder_id("grouped"))
    assert sum(each["IsDir"] for each in found) == 60
    told = {file["id"]: file["md5Checksum"] for file in drive.files("grouped")}
    files = {each["ID"]: each["Hashes"]["md5"] for each in found if not each["IsDir"]}
    assert files == told
    queries = [line["params"]["q"] for line in drive.log("list", before)]
    assert all(GROUP.fullmatch(q) for q in queries)
    assert sum(q.count("in parents") for q in queries) == 61
    assert len(queries) < 61
