"""A service account: the emulator's token server checks signature, audience, times and scope."""

import json
import shutil
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import httpx
import pytest

from drive_emulator.testing import RunningEmulator, running_emulator
from services.adapters.drive.account import read_account
from services.adapters.drive.client import Drive, open_drive
from services.adapters.drive.settings import GOOGLE, DriveSettings
from services.core.errors import Stop, TryAgain
from services.core.settings import Secret
from tests.fakes.google import QuotaRecorder
from tests.fakes.samples import a_file

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("account") / "account.json"


@pytest.fixture(scope="module")
def emulator(key_file: Path) -> Iterator[RunningEmulator]:
    with running_emulator(options=["--service-account", str(key_file)]) as emulator:
        emulator.add_tree({"name": "few", "pictures": 4})
        yield emulator


@asynccontextmanager
async def reaching(emulator: RunningEmulator, key_file: Path) -> AsyncIterator[Drive]:
    # The key is wrong: were it sent, it would be seen.
    settings = DriveSettings(
        api_url=emulator.url, api_key=Secret("wrong-key"), credentials_file=key_file
    )
    async with open_drive(settings, connections=4, quota=QuotaRecorder()) as drive:
        yield drive


def of_nobody(key_file: Path, other: Path) -> Path:
    """The same key, said to be that of an account that is not there."""
    nobody = {"client_email": "nobody@emulator.iam.gserviceaccount.com"}
    other.write_text(json.dumps(json.loads(key_file.read_text()) | nobody))
    return other


async def look(drive: Drive, emulator: RunningEmulator) -> None:
    """One of each request."""
    page = await drive.list_page(emulator.folder_id("few"), token=None, resource_key=None)
    entry = await drive.look_up(page.entries[0].id, resource_key=None)
    async with drive.open(a_file(file_id=entry.id, size=entry.size)) as chunks:
        assert sum([len(chunk) async for chunk in chunks]) == entry.size


async def test_one_token_serves_all_requests(emulator: RunningEmulator, key_file: Path) -> None:
    emulator.reset_log()
    async with reaching(emulator, key_file) as drive:
        await look(drive, emulator)
        await look(drive, emulator)
    asked = [line["kind"] for line in emulator.log()]
    assert asked == ["token", *["list", "get", "media"] * 2]


async def test_a_token_that_expires_early_is_renewed_without_a_failure(
    emulator: RunningEmulator, key_file: Path
) -> None:
    async with reaching(emulator, key_file) as drive:
        await look(drive, emulator)
        emulator.reset_log()
        emulator.advance(4_000)  # of Google's clock, not of ours: the token is refused
        await look(drive, emulator)
    assert [(line["kind"], line["status"]) for line in emulator.log()] == [
        ("list", 401),
        ("token", 200),
        ("list", 200),
        ("get", 200),
        ("media", 200),
    ]


async def test_a_key_that_google_does_not_know_stops_everything(
    emulator: RunningEmulator, key_file: Path, tmp_path: Path
) -> None:
    other = of_nobody(key_file, tmp_path / "other.json")
    async with reaching(emulator, other) as drive:
        with pytest.raises(Stop) as caught:
            await look(drive, emulator)
    assert caught.value.reason == "credentials_refused"
    assert "invalid_grant" in caught.value.message


async def test_everything_stops_if_every_token_is_rejected(
    emulator: RunningEmulator, key_file: Path
) -> None:
    rule = emulator.fault({"do": "refuse", "reason": "authError"}, kinds=["list"])
    async with reaching(emulator, key_file) as drive:
        with pytest.raises(Stop) as caught:
            await look(drive, emulator)
        assert caught.value.reason == "credentials_refused"
        assert emulator.hits(rule) == 2
        emulator.clear_faults()
        await look(drive, emulator)


@pytest.mark.parametrize("reason", ["badGateway", "unavailable"])
async def test_trouble_of_the_token_server_is_tried_again_like_trouble_of_drive(
    emulator: RunningEmulator, key_file: Path, reason: str
) -> None:
    emulator.fault({"do": "refuse", "reason": reason}, kinds=["token"])
    async with reaching(emulator, key_file) as drive:
        with pytest.raises(TryAgain) as caught:
            await look(drive, emulator)
        assert caught.value.reason == "drive_unreachable"
        emulator.clear_faults()
        await look(drive, emulator)


async def test_google_is_reached_through_a_proxy_with_a_key_and_as_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = tmp_path / "account.json"
    options = ["--proxy-port", "0", "--tls-port", "0", "--ca-dir", str(tmp_path)]
    with running_emulator(options=[*options, "--service-account", str(key_file)]) as emulator:
        where = addresses(emulator)
        monkeypatch.setenv("HTTPS_PROXY", where["proxy"])
        monkeypatch.setenv("SSL_CERT_FILE", where["ca"])
        for account in (None, at_googles_address(key_file)):
            settings = DriveSettings(
                api_url=GOOGLE, api_key=Secret(emulator.api_key), credentials_file=account
            )
            async with open_drive(settings, connections=2, quota=QuotaRecorder()) as drive:
                folder_id = emulator.folder_id("sample")
                entry = await drive.look_up(folder_id, resource_key=None)
                assert entry.id == folder_id
        assert emulator.counts()["kinds"]["token"] == 1


class Proxy(BaseHTTPRequestHandler):
    """Lets nobody through, and remembers who asked."""

    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_CONNECT(self) -> None:  # the name is http.server's
        self.asked.append((self.path, self.headers["proxy-authorization"]))
        self.send_error(407)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest's output is for tests."""


async def test_a_proxy_gets_its_password_and_no_message_does(
    tmp_path: Path, key_file: Path, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = at_googles_address(Path(shutil.copy(key_file, tmp_path / "account.json")))
    proxy = HTTPServer(("127.0.0.1", 0), Proxy)
    thread = Thread(target=proxy.handle_request)
    thread.start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:hush%40hush@127.0.0.1:{proxy.server_port}")
    try:
        with pytest.raises(TryAgain) as caught:
            await read_account(key_file).headers()
    finally:
        thread.join(60)
        proxy.server_close()
    password = b64encode(b"me:hush@hush").decode()
    assert Proxy.asked == [("oauth2.googleapis.com:443", f"Basic {password}")]
    assert "407" in caught.value.message
    assert "hush" not in repr(caught.value)


def addresses(emulator: RunningEmulator) -> dict[str, str]:
    """Where its proxy listens, and the certificate of its authority."""
    told: dict[str, str] = httpx.get(f"{emulator.url}/_emu/addresses", trust_env=False).json()
    return told


def at_googles_address(key_file: Path) -> Path:
    """The key file as Google gives it out: with the address of its own token server."""
    info = json.loads(key_file.read_text())
    key_file.write_text(json.dumps(info | {"token_uri": "https://oauth2.googleapis.com/token"}))
    return key_file
