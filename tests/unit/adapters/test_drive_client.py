"""What is asked of Google, and what becomes of answers that no server should give."""

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import httpx
import pytest

from services.adapters.drive import Drive, client
from services.core.errors import SetAside, Stop, TryAgain
from services.core.events import FileFound
from services.core.settings import DriveSettings, Secret
from tests.fakes.samples import a_file

Handler = Callable[[httpx.Request], httpx.Response]
API = "http://drive.test"
EMPTY = b'{"files": []}'


def drive(handler: Handler, key: str = "secret-key") -> Drive:
    settings = DriveSettings(api_url=API, api_key=Secret(key))
    return Drive(settings, httpx.MockTransport(handler))


class Body(httpx.AsyncByteStream):
    """A body that comes in chunks, as from a connection, and whose end can be seen."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.chunks = chunks
        self.closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks

    async def aclose(self) -> None:
        self.closed = True


def media(content: bytes, content_type: str = "image/png") -> httpx.Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return httpx.Response(200, stream=Body(chunks()), headers={"content-type": content_type})


class Asked:
    """Answers every request alike and remembers what was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def bytes_of(drive: Drive, file: FileFound) -> bytes:
    async with drive.open(file) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_the_key_travels_in_a_header_and_never_in_the_address() -> None:
    asked = Asked(httpx.Response(200, content=EMPTY))
    await drive(asked).list_page("F", token=None, resource_key=None)
    (request,) = asked.requests
    assert request.headers["x-goog-api-key"] == "secret-key"
    assert "secret-key" not in str(request.url)


async def test_a_folder_is_asked_for_by_parent_without_its_trash() -> None:
    asked = Asked(httpx.Response(200, content=EMPTY))
    await drive(asked).list_page(r"it's \ odd", token="t+/=&1", resource_key="0-rk")
    (request,) = asked.requests
    query = request.url.params
    assert request.url.path == "/drive/v3/files"
    assert query["q"] == r"'it\'s \\ odd' in parents and trashed=false"
    assert query["pageSize"] == "1000"
    assert query["pageToken"] == "t+/=&1"
    assert "nextPageToken" in query["fields"]
    assert query["supportsAllDrives"] == query["includeItemsFromAllDrives"] == "true"
    assert request.headers["x-goog-drive-resource-keys"] == "it%27s%20%5C%20odd/0-rk"


async def test_a_file_is_asked_for_uncompressed_with_its_resource_key() -> None:
    asked = Asked(media(b"bytes"))
    file = a_file(file_id="a/b?c", resource_key="0-rk")
    assert await bytes_of(drive(asked), file) == b"bytes"
    (request,) = asked.requests
    assert request.url.raw_path.startswith(b"/drive/v3/files/a%2Fb%3Fc?")
    assert request.url.params["alt"] == "media"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["x-goog-drive-resource-keys"] == "a%2Fb%3Fc/0-rk"


@pytest.mark.parametrize("key", ["", "with space", "line\nbreak", "schlüssel"])
async def test_a_key_that_can_be_no_header_is_not_sent(key: str) -> None:
    asked = Asked(httpx.Response(403, content=b'{"error": {"status": "PERMISSION_DENIED"}}'))
    with pytest.raises(Stop) as caught:
        await drive(asked, key).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "key_refused"
    assert "x-goog-api-key" not in asked.requests[0].headers


@pytest.mark.parametrize("body", [b"<html>We are sorry", b'{"files": [{"id": "A"', b""])
async def test_a_listing_that_is_none_is_tried_again(body: bytes) -> None:
    with pytest.raises(TryAgain) as caught:
        await drive(Asked(httpx.Response(200, content=body))).list_page(
            "F", token=None, resource_key=None
        )
    assert caught.value.reason == "answer_unreadable"


async def test_an_answer_without_end_is_cut_off() -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b" " * 1024 * 1024

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Body(endless()))

    with pytest.raises(TryAgain) as caught:
        await drive(answer).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "answer_unreadable"
    assert given <= 34


async def test_a_body_left_early_is_closed() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        yield b"second"

    body = Body(chunks())
    async with drive(lambda _: httpx.Response(200, stream=body)).open(a_file()) as read:
        assert await anext(read) == b"first"
        assert not body.closed
    assert body.closed


async def test_a_body_that_breaks_off_is_tried_again() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        raise httpx.ReadError("reset by peer")

    with pytest.raises(TryAgain) as caught:
        await bytes_of(drive(lambda _: httpx.Response(200, stream=Body(chunks()))), a_file())
    assert caught.value.reason == "download_interrupted"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError("refused"), "drive_unreachable"),
        (httpx.ReadTimeout("slow"), "drive_unavailable"),
        (aiohttp.ServerDisconnectedError(), "drive_unavailable"),
        (OSError("reset"), "drive_unavailable"),
    ],
)
async def test_no_connection_is_told_from_no_answer(error: Exception, reason: str) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(TryAgain) as caught:
        await drive(answer).list_page("F", token=None, resource_key=None)
    assert caught.value.reason == reason


@pytest.mark.parametrize("content_type", ["text/html; charset=UTF-8", "application/json"])
async def test_without_a_checksum_a_page_is_not_taken_for_an_image(content_type: str) -> None:
    answer = media(b"<html>", content_type)
    with pytest.raises(TryAgain) as caught:
        await bytes_of(drive(Asked(answer)), a_file(size=6))
    assert caught.value.reason == "content_mismatch"


async def test_with_a_checksum_the_checksum_judges() -> None:
    answer = media(b"<html>", "text/html")
    assert await bytes_of(drive(Asked(answer)), a_file(md5="0" * 32)) == b"<html>"


async def test_a_redirect_to_google_is_followed_without_the_key() -> None:
    there = "https://doc-0.googleusercontent.com/download?qk=1"
    asked = Asked(httpx.Response(302, headers={"location": there}), media(b"x"))
    assert await bytes_of(drive(asked), a_file(resource_key="0-rk")) == b"x"
    assert str(asked.requests[1].url) == there
    assert "x-goog-api-key" not in asked.requests[1].headers
    assert "x-goog-drive-resource-keys" not in asked.requests[1].headers


async def test_a_redirect_within_the_host_keeps_the_key() -> None:
    asked = Asked(httpx.Response(307, headers={"location": "/mediahost/1"}), media(b"x"))
    assert await bytes_of(drive(asked), a_file()) == b"x"
    assert str(asked.requests[1].url) == f"{API}/mediahost/1"
    assert asked.requests[1].headers["x-goog-api-key"] == "secret-key"


@pytest.mark.parametrize(
    "location",
    [
        "http://doc-0.googleusercontent.com/plain",
        "https://evil.example/",
        "https://googleusercontent.com.evil.example/",
        "http://drive.test:81/",
        "http://[broken",
    ],
)
async def test_a_redirect_to_anybody_else_is_not_taken(location: str) -> None:
    asked = Asked(httpx.Response(302, headers={"location": location}))
    with pytest.raises(SetAside) as caught:
        await bytes_of(drive(asked), a_file())
    assert caught.value.reason == "unexpected_redirect"
    assert len(asked.requests) == 1


async def test_a_redirect_in_circles_ends() -> None:
    asked = Asked(httpx.Response(302, headers={"location": "/again"}))
    with pytest.raises(SetAside):
        await bytes_of(drive(asked), a_file())
    assert len(asked.requests) == 4


async def test_an_answer_that_never_comes_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.05)
    slow = Drive(DriveSettings(api_url=API, api_key=Secret("k")), httpx.MockTransport(never))
    with pytest.raises(TryAgain) as caught:
        await slow.list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "drive_unavailable"


async def test_a_file_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.02)
            yield b"."

    monkeypatch.setattr(client, "GRACE_SECONDS", 0.1)
    with pytest.raises(TryAgain) as caught:
        await bytes_of(drive(lambda _: httpx.Response(200, stream=Body(drip()))), a_file())
    assert caught.value.reason == "download_too_slow"


async def test_time_that_the_reader_takes_is_not_held_against_drive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def quick() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"."

    monkeypatch.setattr(client, "GRACE_SECONDS", 0.05)
    async with drive(lambda _: httpx.Response(200, stream=Body(quick()))).open(a_file()) as chunks:
        async for _ in chunks:
            await asyncio.sleep(0.06)
