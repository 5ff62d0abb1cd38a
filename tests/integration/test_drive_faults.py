"""Connections that break, over a real socket; and the emulator steered from a test."""

import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from drive_emulator.testing import EmulatorFailed, RunningEmulator, running_emulator

SIZE = 300_000
KEY = "emulator-key"


@pytest.fixture(scope="module")
def started() -> Iterator[RunningEmulator]:
    with running_emulator(options=["--bearer", "t0ken=me@example.com", "--log", "1000"]) as drive:
        drive.add_tree({"name": "faulty", "pictures": 20, "size": SIZE}, render=True)
        yield drive


@pytest.fixture
def drive(started: RunningEmulator) -> Iterator[RunningEmulator]:
    """Without rules, quota and log of the test before."""
    started.reset_log()
    yield started
    started.clear_faults()
    started.set_quota("none")


@pytest.fixture
def client(drive: RunningEmulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=drive.url, params={"key": drive.api_key}, timeout=60) as client:
        yield client


def media(drive: RunningEmulator, client: httpx.Client, number: int = 0) -> httpx.Response:
    file = list(drive.files("faulty"))[number]
    return client.get(f"/drive/v3/files/{file['id']}", params={"alt": "media"})


def received(
    drive: RunningEmulator, client: httpx.Client, timeout: float = 60.0
) -> tuple[int, Exception | None]:
    """How many bytes of a body came, and how it ended."""
    file = next(drive.files("faulty"))
    url, count = f"/drive/v3/files/{file['id']}", 0
    try:
        with client.stream("GET", url, params={"alt": "media"}, timeout=timeout) as answer:
            assert answer.headers["content-length"] == str(SIZE)
            for part in answer.iter_raw():
                count += len(part)
    except httpx.TransportError as error:
        return count, error
    return count, None


def test_a_truncated_body_ends_before_what_was_promised(
    drive: RunningEmulator, client: httpx.Client
) -> None:
    rule = drive.fault({"do": "truncate", "after_bytes": 100_000}, kinds=["media"], first=1)
    count, error = received(drive, client)
    assert count == 100_000
    assert isinstance(error, httpx.RemoteProtocolError)
    assert drive.hits(rule) == 1
    assert received(drive, client) == (SIZE, None)


def test_a_reset_before_the_answer_is_a_broken_connection(
    drive: RunningEmulator, client: httpx.Client
) -> None:
    drive.fault({"do": "reset"}, first=1)
    with pytest.raises(httpx.ReadError, match="reset"):
        media(drive, client)
    assert media(drive, client).status_code == 200


def test_a_reset_breaks_off_in_the_middle(drive: RunningEmulator, client: httpx.Client) -> None:
    drive.fault({"do": "reset", "after_bytes": 50_000}, first=1)
    count, error = received(drive, client)
    assert count < SIZE
    assert isinstance(error, httpx.ReadError)


def test_a_body_that_stalls_goes_on_after_its_time(
    drive: RunningEmulator, client: httpx.Client
) -> None:
    drive.fault({"do": "stall", "after_bytes": 1_000, "seconds": 0.4}, first=1)
    began = time.monotonic()
    assert received(drive, client) == (SIZE, None)
    assert time.monotonic() - began >= 0.4


@pytest.mark.parametrize("effect", [{"do": "stall", "after_bytes": 1_000}, {"do": "silence"}])
def test_who_stalls_for_ever_is_left_by_the_client_and_others_are_served(
    drive: RunningEmulator, client: httpx.Client, effect: dict[str, Any]
) -> None:
    rule = drive.fault(effect, first=1)
    file, address = next(drive.files("faulty")), urlsplit(drive.url)
    with socket.create_connection((address.hostname or "", address.port or 0), 60) as stalled:
        stalled.sendall(
            f"GET /drive/v3/files/{file['id']}?alt=media&key={drive.api_key} HTTP/1.1\r\n"
            f"Host: {address.netloc}\r\n\r\n".encode()
        )
        given = b""
        while effect["do"] == "stall" and len(given.partition(b"\r\n\r\n")[2]) < 1_000:
            given += stalled.recv(65_536)
        deadline = time.monotonic() + 60
        while not drive.hits(rule) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert media(drive, client).status_code == 200
        stalled.settimeout(0.5)
        with pytest.raises(TimeoutError):
            stalled.recv(1)
    assert len(given.partition(b"\r\n\r\n")[2]) == (1_000 if effect["do"] == "stall" else 0)


def test_json_cut_in_half_is_a_whole_answer_to_http(
    drive: RunningEmulator, client: httpx.Client
) -> None:
    drive.fault({"do": "truncate", "share": 0.5, "length": "right"}, kinds=["list"])
    q = f"'{drive.folder_id('faulty')}' in parents"
    answer = client.get("/drive/v3/files", params={"q": q})
    assert answer.status_code == 200
    assert answer.text.startswith("{")
    assert not answer.text.endswith("}")


def test_nothing_is_said_of_broken_connections(capfd: pytest.CaptureFixture[str]) -> None:
    effects = ({"do": "reset"}, {"do": "truncate", "after_bytes": 0})
    with running_emulator() as drive, httpx.Client(params={"key": drive.api_key}) as client:
        drive.add_tree({"name": "faulty", "pictures": 1, "size": SIZE})
        client.base_url = httpx.URL(drive.url)
        for effect in effects:
            drive.fault(effect, kinds=["media"], times=1)
            assert received(drive, client)[1] is not None
        drive.fault({"do": "stall"}, kinds=["media"], times=1)
        url = f"/drive/v3/files/{next(drive.files('faulty'))['id']}"
        with client.stream("GET", url, params={"alt": "media"}, timeout=60) as answer:
            assert answer.status_code == 200  # and then the client leaves
        deadline = time.monotonic() + 60
        while len(drive.log("media")) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [line["status"] for line in drive.log("media")] == [0, 200, 200]
    assert capfd.readouterr().err == ""


def test_who_paces_his_requests_is_never_refused(
    drive: RunningEmulator, client: httpx.Client
) -> None:
    drive.set_quota("units2026", user_per_minute=60_000)  # five downloads a second
    ids = [file["id"] for file in drive.files("faulty")]
    began = time.monotonic()
    for number in range(15):
        time.sleep(max(0.0, began + number * 0.2 - time.monotonic()))
        url = f"/drive/v3/files/{ids[number]}"
        assert client.get(url, params={"alt": "media"}).status_code == 200
    [told] = drive.quota()["users"].values()
    assert told["used"]["media"] == 3_000
    assert sum(second["used"]["media"] for second in told["seconds"]) == 3_000
    assert sum(told["refused"].values()) == 0


def test_who_hurries_is_refused_until_time_has_passed(
    drive: RunningEmulator, client: httpx.Client
) -> None:
    drive.set_quota("legacy", user_per_minute=1, status=429, style="empty", burst_units=3)
    answers = [media(drive, client) for _ in range(6)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:3] == [200, 200, 200]
    assert statuses[-1] == 429
    assert answers[-1].content == b""
    drive.advance(120)
    assert media(drive, client).status_code == 200
    assert drive.counts()["answers"]["media"]["429 rateLimitExceeded"] >= 1


def test_everything_can_be_steered(drive: RunningEmulator, client: httpx.Client) -> None:
    media(drive, client)
    [line] = drive.log("media")
    assert (line["status"], line["bytes"]) == (200, SIZE)
    assert drive.log("media", since=line["n"]) == []
    assert KEY not in str(drive.log())
    before = drive.now()
    assert drive.advance(100) >= before + 100
    token = drive.bearer("me@example.com", life_s=50)
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=drive.url, headers=headers) as me:
        assert me.get("/drive/v3/files").status_code == 200
        drive.advance(51)
        assert me.get("/drive/v3/files").status_code == 401
    drive.set_key("other", "disabled")
    assert client.get("/drive/v3/files", params={"key": "other"}).status_code == 403
    assert drive.knobs(token_life=60.0)["token_life"] == 60.0
    drive.knobs(token_life=21_600.0)
    drive.reset_quota()
    with pytest.raises(EmulatorFailed, match="invalid rule"):
        drive.fault({"do": "dance"})
    with pytest.raises(KeyError):
        drive.hits(10_000)


def test_a_fixed_bearer_is_somebody(drive: RunningEmulator) -> None:
    headers = {"authorization": "Bearer t0ken"}
    with httpx.Client(base_url=drive.url, headers=headers) as me:
        assert me.get("/drive/v3/files").status_code == 200
    assert drive.log("list")[-1]["caller"]["account"] == "me@example.com"
