"""The short way to a file's bytes: its headers and its errors are those of httpx's own response."""

from collections.abc import Sequence
from typing import Any, cast

import aiohttp
import httpx
import pytest
from httpx_aiohttp.transport import AiohttpResponseStream

from services.adapters.drive.media import DriveTransport, MediaResponse

Headers = Sequence[tuple[bytes, bytes]]
OK: Headers = ((b"Content-Type", b"image/png"),)


class Content:
    """A body in pieces; the last piece may be an error."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = list(pieces)

    async def readany(self) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def iter_chunked(self, _size: int) -> Any:
        while piece := await self.readany():
            yield piece


class Answer:
    """What is used of aiohttp's response."""

    reason = "as told"

    def __init__(self, *pieces: bytes | Exception, status: int = 200, headers: Headers = OK):
        self.status, self.raw_headers, self.content = status, headers, Content(*pieces)
        self.closed = False

    async def __aexit__(self, *_why: object) -> None:
        self.closed = True


class Session:
    """Gives one answer, and remembers how it was asked."""

    def __init__(self, answer: Answer | Exception) -> None:
        self._answer = answer
        self.asked: dict[str, Any] = {}

    async def get(self, url: str, **how: Any) -> Answer:
        self.asked = {"url": url, **how}
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def transport(answer: Answer | Exception, proxy: str = "") -> tuple[DriveTransport, Session]:
    session, timeout = Session(answer), aiohttp.ClientTimeout(sock_read=7.0)
    made = DriveTransport(
        cast(aiohttp.ClientSession, session),
        proxy=httpx.Proxy(proxy) if proxy else None,
        timeout=timeout,
    )
    return made, session


async def test_the_bytes_come_in_the_pieces_in_which_they_arrived() -> None:
    answer = Answer(b"first", b"second")
    response = await transport(answer)[0].get_file("http://drive.test/f", {})
    assert isinstance(response, MediaResponse)
    assert [piece async for piece in response.aiter_raw()] == [b"first", b"second"]
    assert not answer.closed
    await response.aclose()
    assert answer.closed


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"X-Goog-Hash", b"crc32c=AAAA"), (b"x-goog-hash", b"md5=BBBB")),
        ((b"x-goog-hash", "schön".encode()),),
        ((b"X-GOOG-HASH", b"\xff"),),
    ],
)
@pytest.mark.parametrize("default", [None, ""])
async def test_headers_read_as_those_of_httpx(headers: Headers, default: str | None) -> None:
    response = await transport(Answer(headers=headers))[0].get_file("http://drive.test/f", {})
    as_httpx = httpx.Headers(headers).get("x-goog-hash", default)
    assert response.headers.get("x-goog-hash", default) == as_httpx


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ClientPayloadError("not all bytes came"),
        aiohttp.SocketTimeoutError("nothing came"),
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(104, "reset"),
        OSError("reset"),
    ],
)
async def test_an_error_in_the_middle_is_that_of_httpx(error: Exception) -> None:
    seen = []
    stream = AiohttpResponseStream(cast(aiohttp.ClientResponse, Answer(b"first", error)))
    response = await transport(Answer(b"first", error))[0].get_file("http://drive.test/f", {})
    for pieces in (stream, response.aiter_raw()):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - both must raise the same
            [piece async for piece in pieces]
        seen.append((type(caught.value), str(caught.value)))
    assert seen[0] == seen[1]


async def test_an_error_before_the_answer_is_that_of_httpx() -> None:
    with pytest.raises(httpx.ReadTimeout):
        await transport(aiohttp.SocketTimeoutError("nothing came"))[0].get_file("http://d/f", {})


@pytest.mark.parametrize(
    ("status", "headers"),
    [(206, {}), (302, {}), (401, {}), (403, {}), (416, {"Range": "bytes=5-"})],
)
async def test_whatever_is_not_the_bytes_is_httpx_s_response(
    status: int, headers: dict[str, str]
) -> None:
    answer = Answer(b"words", status=status, headers=((b"Location", b"/there"),))
    response = await transport(answer)[0].get_file("http://drive.test/f", headers)
    assert isinstance(response, httpx.Response)
    assert (response.status_code, response.headers["location"]) == (status, "/there")
    assert response.has_redirect_location == (status == 302)
    assert b"".join([piece async for piece in response.aiter_bytes()]) == b"words"
    await response.aclose()
    assert answer.closed


async def test_a_range_may_be_answered_with_a_part() -> None:
    response = await transport(Answer(b"rest", status=206))[0].get_file(
        "http://drive.test/f", {"Range": "bytes=5-"}
    )
    assert isinstance(response, MediaResponse)
    assert response.status_code == 206


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated")
async def test_neither_redirects_nor_compression_are_left_to_aiohttp() -> None:
    made, session = transport(Answer(), proxy="http://user:word@proxy.test:3128")
    await made.get_file("http://drive.test/f?alt=media", {"Accept-Encoding": "identity"})
    asked = session.asked
    assert asked["url"] == "http://drive.test/f?alt=media"
    assert asked["headers"] == {"Accept-Encoding": "identity"}
    assert (asked["allow_redirects"], asked["auto_decompress"]) == (False, False)
    assert asked["timeout"].sock_read == 7.0
    assert asked["proxy"] == "http://proxy.test:3128"
    assert asked["proxy_auth"][:2] == ("user", "word")
