"""A service account's tokens: replaced before they expire, one fetch at a time."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from services.adapters.drive.account import SCOPE, ServiceAccount, read_account, send
from services.core.errors import Stop, TryAgain
from services.core.settings import SettingsError

TOKEN_URI = "https://oauth2.test/token"
EMAIL = "importer@project.iam.gserviceaccount.com"
NO_GRANT = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@pytest.fixture(scope="module")
def info(key: rsa.RSAPrivateKey) -> dict[str, str]:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key_id": "k1",
        "private_key": pem.decode(),
        "token_uri": TOKEN_URI,
    }


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def answer(status: int, content: bytes | object) -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return httpx.Response(status, stream=httpx.ByteStream(body))


class TokenServer(httpx.BaseTransport):
    """Answers with `token-1`, `token-2`… or, first, with what is due."""

    def __init__(self, life: Any = 3600) -> None:
        self.life = life
        self.asked: list[tuple[str, bytes]] = []
        self.due: list[httpx.Response | Exception] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        assert all(seconds > 0 for seconds in request.extensions["timeout"].values())
        self.asked.append((str(request.url), request.read()))
        if self.due:
            due = self.due.pop(0)
            if isinstance(due, Exception):
                raise due
            return due
        token = f"token-{len(self.asked)}"
        return answer(200, {"access_token": token, "expires_in": self.life})


Make = Callable[[TokenServer, Clock], ServiceAccount]


@pytest.fixture
def make(info: dict[str, str], tmp_path: Path) -> Make:
    path = tmp_path / "account.json"
    path.write_text(json.dumps(info))
    return lambda server, clock: read_account(path, server, clock=clock)


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def bearer(number: int) -> dict[str, str]:
    return {"Authorization": f"Bearer token-{number}"}


async def test_the_account_asks_for_read_access_to_drive_only(
    make: Make, key: rsa.RSAPrivateKey
) -> None:
    server = TokenServer()
    assert await make(server, Clock()).headers() == bearer(1)
    [(url, body)] = server.asked
    assert url == TOKEN_URI
    form = parse_qs(body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claimed, signature = form["assertion"][0].split(".")
    key.public_key().verify(
        unpadded(signature), f"{head}.{claimed}".encode(), PKCS1v15(), hashes.SHA256()
    )
    claims = json.loads(unpadded(claimed))
    assert (claims["iss"], claims["scope"]) == (EMAIL, SCOPE)
    assert claims["aud"] == "https://oauth2.googleapis.com/token"  # whatever the token_uri
    assert SCOPE.endswith("/drive.readonly")


async def test_a_token_is_used_until_shortly_before_it_expires(make: Make) -> None:
    server, clock = TokenServer(), Clock()
    account = make(server, clock)
    await account.headers()
    clock.now += 3600 - 301 - 5
    assert await account.headers() == bearer(1)
    clock.now += 10
    assert await account.headers() == bearer(2)


async def test_a_short_lived_token_is_not_fetched_for_every_request(make: Make) -> None:
    server, clock = TokenServer(life=100), Clock()
    account = make(server, clock)
    for _ in range(3):
        assert await account.headers() == bearer(1)
        clock.now += 20
    clock.now += 25
    assert await account.headers() == bearer(2)


async def test_many_requests_for_a_token_fetch_one(make: Make) -> None:
    server = TokenServer()
    account = make(server, Clock())
    assert await asyncio.gather(*(account.headers() for _ in range(20))) == [bearer(1)] * 20
    assert len(server.asked) == 1


async def test_many_requests_with_a_rejected_token_fetch_one(make: Make) -> None:
    server = TokenServer()
    account = make(server, Clock())
    refused = await account.headers()
    renewed = await asyncio.gather(*(account.headers(rejected=refused) for _ in range(20)))
    assert renewed == [bearer(2)] * 20
    assert await account.headers() == bearer(2)
    assert len(server.asked) == 2


PASSING = ("internal_failure", "server_error", "temporarily_unavailable")


@pytest.mark.parametrize(
    "trouble",
    [
        (502, b"<html>Bad gateway"),
        (200, b"<html>Log in to the network"),
        (200, b"\xff\xfe"),
        (403, b"<html>Proxy says no"),
        (403, {"error": {"code": 403, "message": "A proxy's error"}}),
        (403, {"error": {"errors": [{"reason": "a proxy's own"}]}}),
        *((400, {"error": passing}) for passing in PASSING),
        (302, b""),
        (200, ["no", "object"]),
        (200, {"access_token": "two\nlines"}),
        (200, {"access_token": 5}),
        (200, {"access_token": "t", "expires_in": "soon"}),
        (200, {"access_token": "t", "expires_in": 10**30}),
        (200, b" " * 100_000),
        (200, b"[" * 60_000),
        httpx.ConnectError("refused"),
        OSError("reset"),
    ],
    ids=str,
)
async def test_trouble_of_the_token_server_is_tried_again(
    make: Make, trouble: tuple[int, object] | Exception
) -> None:
    server, clock = TokenServer(), Clock()
    server.due.append(trouble if isinstance(trouble, Exception) else answer(*trouble))
    account = make(server, clock)
    with pytest.raises(TryAgain) as caught:
        await account.headers()
    assert caught.value.reason == "drive_unreachable"
    assert "assertion" not in caught.value.message
    assert await account.headers() == bearer(2)


async def test_while_a_token_is_good_trouble_with_the_next_one_goes_unnoticed(make: Make) -> None:
    server, clock = TokenServer(), Clock()
    account = make(server, clock)
    await account.headers()
    clock.now += 3400
    server.due.append(httpx.ConnectError("refused"))
    assert await account.headers() == bearer(1)
    assert await account.headers() == bearer(1)
    assert len(server.asked) == 2
    clock.now += 6
    assert await account.headers() == bearer(3)


@pytest.mark.parametrize("status", [400, 401])
async def test_a_refusal_stops_everything_in_googles_words(make: Make, status: int) -> None:
    server = TokenServer()
    server.due.append(answer(status, NO_GRANT))
    with pytest.raises(Stop) as caught:
        await make(server, Clock()).headers()
    assert caught.value.reason == "credentials_refused"
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.message
    assert "invalid_grant: Invalid JWT Signature." in caught.value.message


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 200])
async def test_a_temporary_error_is_no_refusal_and_is_not_repeated_here(
    make: Make, status: int
) -> None:
    server = TokenServer()
    server.due.append(answer(status, NO_GRANT))
    with pytest.raises(TryAgain):
        await make(server, Clock()).headers()
    assert len(server.asked) == 1  # it is for the caller to ask again


async def test_an_answer_that_comes_too_slowly_is_not_waited_for() -> None:
    """Each byte comes in time, and all of them come far too late."""

    def drip() -> Iterator[bytes]:
        while True:
            time.sleep(0.02)
            yield b" "

    server = TokenServer()
    server.due.append(httpx.Response(200, content=drip()))
    with pytest.raises(httpx.HTTPError, match="too long or too slow"):
        send(server, TOKEN_URI, b"", seconds=0.1, method="POST")


async def test_tokens_come_again_once_a_refusal_is_resolved(make: Make) -> None:
    server = TokenServer()
    server.due.append(answer(400, NO_GRANT))
    account = make(server, Clock())
    with pytest.raises(Stop):
        await account.headers()
    server.due.append(httpx.ConnectError("refused"))
    with pytest.raises(TryAgain):
        await account.headers()
    assert await account.headers() == bearer(3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "authorized_user"}, "not a service account key file"),
        ({"private_key": None}, "lacks private_key"),
        ({"private_key": "", "client_email": 5}, "lacks client_email, private_key"),
        ({"private_key": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END"}, "cannot be read"),
        ({"private_key": "sécret\ud800"}, "cannot be read"),
        ({"token_uri": "file:///etc/passwd"}, "token_uri is not a URL"),
    ],
)
def test_a_bad_key_file_is_a_fault_that_shows_no_secret(
    info: dict[str, str], tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    path = tmp_path / "account.json"
    path.write_text(json.dumps(info | changes))
    with pytest.raises(SettingsError) as caught:
        read_account(path)
    said = str(caught.value)
    assert said.startswith(f"GOOGLE_APPLICATION_CREDENTIALS names {path}")
    assert words in said
    assert "c2VjcmV0" not in said
    assert "cret" not in said
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "[" * 100_000])
def test_a_file_with_other_content_is_a_fault(tmp_path: Path, content: str) -> None:
    path = tmp_path / "account.json"
    path.write_text(content)
    with pytest.raises(SettingsError):
        read_account(path)


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_account(tmp_path / "nothing.json")
    assert "No such file" in str(caught.value)
