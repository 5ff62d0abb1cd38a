"""The proxy from a client's side: which hosts it connects, and which it refuses."""

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from drive_emulator.testing import RunningEmulator


def through(drive: RunningEmulator) -> httpx.Client:
    told = drive.addresses()
    trusted = ssl.create_default_context(cafile=told["ca"])
    proxy = httpx.Proxy(told["proxy"])
    return httpx.Client(proxy=proxy, verify=trusted, timeout=60, trust_env=False)


@pytest.mark.parametrize(
    "host", ["www.googleapis.com", "drive.googleapis.com", "www.emu.test", "www.emu.test:8443"]
)
def test_googles_hosts_and_the_universe_lead_to_the_emulator(
    drive: RunningEmulator, host: str
) -> None:
    params = {"key": drive.api_key, "fields": "id"}
    folder = drive.folder_id("sample")
    with through(drive) as client:
        answer = client.get(f"https://{host}/drive/v3/files/{folder}", params=params)
    assert answer.json() == {"id": folder}


def test_no_other_host_can_be_reached(drive: RunningEmulator) -> None:
    with through(drive) as client:
        with pytest.raises(httpx.ProxyError, match="403"):
            client.get("https://www.example.com/")
        answer = client.get("http://www.example.com/")
    assert answer.status_code == 403
    assert "refused: GET http://www.example.com/" in answer.text


def test_the_control_api_cannot_be_reached_through_the_proxy(drive: RunningEmulator) -> None:
    with through(drive) as client:
        assert client.get("https://www.googleapis.com/_emu/trees").status_code == 404
        assert client.post("https://www.googleapis.com/_emu/clock", json={}).status_code == 404


def test_a_client_that_does_not_trust_the_authority_cannot_connect(drive: RunningEmulator) -> None:
    proxy = drive.addresses()["proxy"]
    with (
        httpx.Client(proxy=proxy, timeout=60, trust_env=False) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get("https://www.googleapis.com/drive/v3/files")


def test_megabytes_are_transferred_completely(drive: RunningEmulator) -> None:
    drive.add_tree({"name": "large", "pictures": 1, "size": 8_000_000})
    [file] = drive.files("large")
    with through(drive) as client:
        address = f"https://www.googleapis.com/drive/v3/files/{file['id']}"
        answer = client.get(address, params={"alt": "media", "key": drive.api_key})
    assert len(answer.content) == file["size"]


def test_only_the_authority_is_in_its_folder(drive: RunningEmulator) -> None:
    ca = Path(drive.addresses()["ca"])
    assert [each.name for each in ca.parent.iterdir()] == ["ca.pem"]


def refusal(*arguments: str) -> str:
    """The error output of an emulator that does not start."""
    command = [sys.executable, "-m", "drive_emulator", "--port", "0", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1
    return ran.stderr


@pytest.mark.parametrize("flag", ["--tls-port", "--proxy-port"])
def test_a_port_that_is_taken_is_one_sentence(flag: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(flag, str(port), "--ca-dir", str(tmp_path))
    assert said.startswith(f"drive_emulator: cannot listen on 127.0.0.1 port {port}: ")


def test_a_file_that_is_not_the_emulators_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text("{}")
    assert f"{path} exists" in refusal("--service-account", str(path))
    assert path.read_text() == "{}"


def test_a_folder_that_cannot_be_created_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refusal("--tls-port", "0", "--ca-dir", str(tmp_path / "file" / "below"))
    assert said.startswith(f"drive_emulator: cannot write {tmp_path}/file")
