"""`drivestream doctor`, on a Drive that works and on others that do not."""

import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from drive_emulator.testing import RunningEmulator, running_emulator
from local.cli import main
from local.doctor.client import BUDGET_UNITS
from local.paths import CHECKOUT
from tests.platform import Platform

KEY = "MARKED-0-the-key-of-this-test"
MARKED = f"{KEY} AIzaMARKED0123456789012345 and MARKED-of-another-0123456789, Bearer MARKED"
LINK = "https://drive.google.com/drive/folders/"
TREE = {
    "name": "mixed",
    "items": [
        {"path": "Holiday one.jpg", "size": 6000, "ref": "one"},
        {"path": "Holiday two.jpg", "size": 6000},
        {"path": "Withheld.jpg", "size": 6000, "canDownload": False},
        {"path": "Trashed.jpg", "size": 6000, "trashed": True},
        {"path": ["Open", "inside.jpg"], "size": 6000},
        {"path": "Leads on", "kind": "shortcut", "target": "one"},
        {"path": "Leads nowhere", "kind": "shortcut", "target": None},
    ],
}


class Doctor:
    """Runs it in this process, with an environment of its own: starting Python takes seconds."""

    def __init__(self, data: Path) -> None:
        self.env = {"PATH": os.environ["PATH"], "HOME": str(data), "DATA_DIR": str(data / "none")}

    def run(self, *arguments: str, **env: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error, which never have a marked secret."""
        output, errors = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            for name in set(os.environ) - {"PYTEST_CURRENT_TEST"}:
                patch.delenv(name)
            for name, value in {**self.env, **env}.items():
                patch.setenv(name, value)
            with redirect_stdout(output), redirect_stderr(errors):
                code = main(["doctor", *arguments])
        assert "MARKED" not in output.getvalue() + errors.getvalue()
        return code, output.getvalue(), errors.getvalue()

    def told(self, *arguments: str, **env: str) -> Mapping[str, Any]:
        """The JSON document, its findings by section and check."""
        code, output, _ = self.run("--json", *arguments, **env)
        document = json.loads(output)
        assert code == (0 if document["ok"] else 1)
        found = {
            f"{section['title']}/{finding['check']}": finding
            for section in document["sections"]
            for finding in section["findings"]
        }
        points = {point["point"]: point for point in document["assumptions"]}
        return {"found": found, "points": points, "units": document["units"]}


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    return Doctor(tmp_path)


@pytest.fixture(scope="module")
def drive() -> Iterator[RunningEmulator]:
    with running_emulator(api_key=KEY) as drive:
        drive.add_tree(TREE)
        yield drive


def wrong(told: Mapping[str, Any], title: str = "Drive") -> dict[str, str]:
    """The wrong findings of a section: what was seen, with what to do."""
    return {
        name: f"{finding['seen']} {finding['todo']}"
        for name, finding in told["found"].items()
        if finding["state"] == "wrong" and name.startswith(title)
    }


def test_with_nothing_running_it_says_so_and_how_to_start(doctor: Doctor) -> None:
    """As a process of its own, as a user runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "local", "doctor"],
        env=doctor.env,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "Drivestream is not running on this machine." in done.stdout
    assert "drivestream up" in done.stdout
    assert "GOOGLE_API_KEY" in done.stdout


@pytest.fixture(scope="module")
def told(drive: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What is said of the folder that has a bit of everything."""
    env = {"DRIVE_API_URL": drive.url, "GOOGLE_API_KEY": KEY}
    return Doctor(tmp_path_factory.mktemp("data")).told(LINK + drive.folder_id("mixed"), **env)


def test_a_folder_is_told_as_it_is_seen(
    doctor: Doctor, drive: RunningEmulator, told: Mapping[str, Any]
) -> None:
    env = {"DRIVE_API_URL": drive.url, "GOOGLE_API_KEY": KEY}
    assert wrong(told) == {}
    found = {name: finding["seen"] for name, finding in told["found"].items()}
    assert found["Link/Folder id"] == drive.folder_id("mixed")
    assert found["Drive/Entries"] == "7 on 1 page"
    assert found["Drive/Download"].startswith("206, 1,024 bytes of image/jpeg")
    assert found["Drive/Subfolders"] == "all 1 that were checked can be opened"
    assert found["Drive/Shortcuts"].startswith(
        "1 of 2 that were checked have missing or unshared targets"
    )
    _, output, errors = doctor.run(LINK + drive.folder_id("mixed"), **env)
    for kind in ("images: 4", "folders: 1", "shortcuts: 2", "in the trash: 1"):
        assert kind in output
    assert "at most 2,000 of" in errors


def test_open_points_are_compared_with_what_the_reference_assumes(told: Mapping[str, Any]) -> None:
    same = {name for name, point in told["points"].items() if point["same"]}
    assert {
        "list of an unknown folder",
        "bad pageToken",
        "bad q",
        "bad fields",
        "unknown key",
        "no key",
        "name contains",
        "compression of JSON",
        "quotaUser with this key",
        "bytes of a file with canDownload=false",
        "Server of JSON",
        "Retry-After",
    } <= same
    assert told["points"]["pageSize by default"]["same"] is None
    assert 0 < told["units"] <= BUDGET_UNITS


def test_a_link_that_names_no_folder_says_what_to_paste(
    doctor: Doctor, drive: RunningEmulator
) -> None:
    env = {"DRIVE_API_URL": drive.url, "GOOGLE_API_KEY": KEY}
    told = doctor.told("https://drive.google.com/file/d/1AbCdEfGhIjKlMn/view", **env)
    assert "Paste the link of its folder" in wrong(told, "Link")["Link/Link"]
    assert wrong(told) == {}


def test_a_folder_that_is_not_shared_is_wrong_with_what_to_do(
    doctor: Doctor, drive: RunningEmulator
) -> None:
    private = drive.add_tree({"name": "private", "pictures": 3, "shared": False})
    env = {"DRIVE_API_URL": drive.url, "GOOGLE_API_KEY": KEY}
    told = doctor.told(LINK + private, **env)
    assert "Anyone with the link" in wrong(told)["Drive/Folder"]
    assert told["points"] == {}
    picture = next(iter(drive.files("mixed")))["id"]
    assert "not a folder" in wrong(doctor.told(LINK + picture, **env))["Drive/Folder"]


def test_a_resource_key_opens_the_folder_and_is_not_shown(
    doctor: Doctor, drive: RunningEmulator
) -> None:
    root = drive.add_tree(
        {
            "name": "keyed",
            "items": [
                {"path": "Old", "kind": "folder", "ref": "old", "resourceKey": "0-MARKED-Key"},
                {"path": ["Old", "a.jpg"], "size": 6000},
            ],
        }
    )
    assert root
    env = {"DRIVE_API_URL": drive.url, "GOOGLE_API_KEY": KEY}
    link = LINK + drive.refs("keyed")["old"]
    assert "resourcekey" in wrong(doctor.told(link, **env))["Drive/Folder"]
    told = doctor.told(f"{link}?resourcekey=0-MARKED-Key", **env)
    assert wrong(told) == {}
    assert told["found"]["Link/Resource key"]["seen"] == "given"
    assert told["found"]["Drive/Entries"]["seen"] == "1 on 1 page"


def test_a_key_that_google_refuses_is_wrong_with_what_to_do(
    doctor: Doctor, drive: RunningEmulator
) -> None:
    told = doctor.told(DRIVE_API_URL=drive.url, GOOGLE_API_KEY="MARKED-wrong-key")
    assert "rejected the API key" in wrong(told)["Drive/Access"]
    told = doctor.told(DRIVE_API_URL=drive.url)
    assert "Neither GOOGLE_API_KEY" in wrong(told)["Drive/Credentials"]


def test_an_api_that_is_disabled_and_a_wall_are_told_apart(
    doctor: Doctor, drive: RunningEmulator
) -> None:
    env = {"DRIVE_API_URL": drive.url, "GOOGLE_API_KEY": KEY}
    for effect, said in (
        ({"reason": "accessNotConfigured", "message": f"{KEY} has no Drive API."}, "Enable"),
        ({"reason": "automatedQueries"}, "Wait a few minutes"),
        ({"reason": "automatedQueries", "status": 200}, "not JSON"),
        (
            {"reason": "odd", "status": 403, "message": MARKED},
            "",
        ),
    ):
        rule = {"effect": {"do": "refuse", **effect}, "match": {"kinds": ["get"]}}
        with Fault(drive, rule):
            assert said in wrong(doctor.told(**env))["Drive/Access"]


class Fault:
    """A rule of the emulator for as long as the block lasts."""

    def __init__(self, drive: RunningEmulator, rule: Mapping[str, Any]) -> None:
        self._url = f"{drive.url}/_emu/faults"
        self._rule = rule

    def __enter__(self) -> None:
        body = json.dumps(dict(self._rule)).encode()
        urllib.request.urlopen(urllib.request.Request(self._url, body), timeout=60).close()

    def __exit__(self, *_: object) -> None:
        request = urllib.request.Request(self._url, method="DELETE")
        urllib.request.urlopen(request, timeout=60).close()


@pytest.mark.parametrize(
    ("url", "check"),
    [
        ("http://127.0.0.1:1", "Drive/Connection"),
        ("https://no-such-host.invalid", "Drive/Name"),
    ],
)
def test_where_the_way_to_drive_ends_is_told(doctor: Doctor, url: str, check: str) -> None:
    told = doctor.told(LINK + "1AbCdEfGhIjKlMn", DRIVE_API_URL=url, GOOGLE_API_KEY=KEY)
    assert list(wrong(told)) == [check]
    assert told["units"] == 0


def test_tls_with_what_speaks_none_is_told(doctor: Doctor, drive: RunningEmulator) -> None:
    secure = drive.url.replace("http:", "https:")
    told = doctor.told(DRIVE_API_URL=secure, GOOGLE_API_KEY=KEY)
    assert list(wrong(told)) == ["Drive/TLS"]


class Portal(BaseHTTPRequestHandler):
    """A sign-in page in front of everything, as hotels have it."""

    def do_GET(self) -> None:
        page = f"<html>Sign in, {self.headers.get('X-Goog-Api-Key')}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_a_page_of_html_in_place_of_drive_is_told(doctor: Doctor) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        told = doctor.told(DRIVE_API_URL=url, GOOGLE_API_KEY=KEY)
        server.shutdown()
        thread.join(10)
    assert "not Google Drive" in wrong(told)["Drive/Access"]


def test_a_service_account_is_tried_and_nothing_of_it_is_shown(
    doctor: Doctor, tmp_path: Path
) -> None:
    file = tmp_path / "account.json"
    with running_emulator(api_key=KEY, options=["--service-account", str(file)]) as drive:
        env = {"DRIVE_API_URL": drive.url, "GOOGLE_APPLICATION_CREDENTIALS": str(file)}
        folder = LINK + drive.add_tree({"name": "small", "pictures": 3})
        _, output, errors = doctor.run("--json", folder, **env)
        assert wrong(doctor.told(folder, **env)) == {}
    account = json.loads(file.read_text())
    for name in ("private_key", "private_key_id", "client_email"):
        for line in account[name].split("\n"):
            assert len(line) < 6 or line not in output + errors
    file.write_text('{"type": "service_account", "private_key": "MARKED"}')
    told = doctor.told(DRIVE_API_URL=drive.url, GOOGLE_APPLICATION_CREDENTIALS=str(file))
    assert [name for name in wrong(told)] in (["Drive/Connection"], ["Drive/Sign in"])


def test_no_setting_is_shown_that_may_hold_a_secret(doctor: Doctor) -> None:
    mark = "MARKED-secret/value"
    names = ("GOOGLE_API_KEY GOOGLE_APPLICATION_CREDENTIALS AWS_ACCESS_KEY_ID S3_BUCKET PORT HOST "
             "AWS_SECRET_ACCESS_KEY AWS_REGION S3_PUBLIC_READ TRANSFER_CONCURRENCY API_OPEN "
             "TRANSFER_MEMORY_MB DRIVE_QUOTA_MODEL DRIVE_QUOTA_USER DRIVE_QUOTA_SHARES "
             "DRIVE_QUOTA_UNITS_PER_MINUTE DRIVE_COOL_DOWN_SECONDS DATABASE_URL S3_PUBLIC_URL "
             "S3_ENDPOINT_URL DRIVE_API_URL KAFKA_SECURITY_PROTOCOL KAFKA_SASL_MECHANISM "
             "KAFKA_CA_FILE KAFKA_USERNAME KAFKA_PASSWORD DATABASE_READ_URL")  # fmt: skip
    doctor.run(**dict.fromkeys(names.split(), mark))
    doctor.run("--json", **dict.fromkeys(names.split(), mark))
    given = {
        "DATABASE_URL": f"postgresql://someone:{mark}@127.0.0.1:1/x?sslpassword={mark}",
        "DATABASE_READ_URL": f"postgresql://someone:{mark}@127.0.0.1:2/x",
        "S3_ENDPOINT_URL": "http://someone:MARKED@127.0.0.1:1",
        "DRIVE_API_URL": "http://someone:MARKED@127.0.0.1:1",
        "KAFKA_BOOTSTRAP_SERVERS": "someone:MARKED@127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": mark,
        "AWS_SECRET_ACCESS_KEY": mark,
        "GOOGLE_API_KEY": mark,
    }
    _, output, _ = doctor.run(**given)
    assert "127.0.0.1" in output


@pytest.mark.real
def test_servers_that_are_well_are_said_to_be(
    doctor: Doctor, platform: Platform, drive: RunningEmulator
) -> None:
    env = {**platform.env, "DRIVE_API_URL": drive.url, "GOOGLE_API_KEY": KEY}
    env["DATABASE_READ_URL"] = env["DATABASE_URL"]
    told = doctor.told(LINK + drive.folder_id("mixed"), **env)
    assert "is not a streaming replica" in told["found"]["Servers/Replica"]["seen"]
    assert {name: f for name, f in told["found"].items() if f["state"] == "wrong"} == {}
    assert told["found"]["Servers/Writing"]["state"] == "ok"
    assert told["found"]["Servers/Tables"]["state"] == "ok"
    assert "the expected partitions" in told["found"]["Servers/Topics"]["seen"]
    bare = {**env, "S3_BUCKET": "not-there", "AWS_SECRET_ACCESS_KEY": "MARKED-wrong"}
    assert "AWS_" in wrong(doctor.told(**bare), "Servers")["Servers/Store"]
    other = {**env, "S3_BUCKET": "not-there"}
    assert "drivestream setup" in wrong(doctor.told(**other), "Servers")["Servers/Store"]
