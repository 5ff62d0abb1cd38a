"""The short way to a file's bytes: its headers and its errors are those of httpx's own response.

The answers come from a socket, byte for byte, and the client is the real one.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from pyreqwest.client import ClientBuilder

from services.adapters.drive.media import MediaClient, MediaResponse, Response
from tests.fakes.patience import undisturbed

OK = b"HTTP/1.1 200 OK\r\n"
THREE = b"content-length: 3\r\n\r\nabc"


@dataclass
class Server:
    """Answers every request with the pieces, each once the one before was `taken`, and closes the
    connection after the last one."""

    url: str
    asked: list[bytes] = field(default_factory=list)
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def answering(*pieces: bytes, silent: bool = False) -> AsyncIterator[Server]:
    handlers = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        server.asked.append(await reader.readuntil(b"\r\n\r\n"))
        for number, piece in enumerate(pieces):
            if number:
                await server.taken.wait()
            writer.write(piece)
            await writer.drain()
        if silent:
            await reader.read()
            server.closed.set()
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server = Server(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    async with listener:
        yield server
        await asyncio.gather(*(each for each in handlers if each))


def client(silence: float = 60.0) -> MediaClient:
    made = ClientBuilder().no_proxy().follow_redirects(False)
    return MediaClient(made.read_timeout(timedelta(seconds=silence)).build)


async def ask(server: Server, headers: dict[str, str] | None = None) -> Response:
    return await client().get_file(f"{server.url}/f?alt=media", headers or {})


async def test_the_bytes_come_in_the_pieces_in_which_they_arrived() -> None:
    async with answering(OK + b"content-length: 11\r\n\r\nfirst", b"second") as server:
        response = await ask(server, {"X-Goog-Api-Key": "key"})
        assert isinstance(response, MediaResponse)
        pieces = []
        async for piece in response.aiter_raw():
            pieces.append(bytes(piece))
            server.taken.set()
        assert pieces == [b"first", b"second"]
        await response.aclose()
        await response.aclose()  # the second time is for whoever cannot know of the first
    assert server.asked[0].lower().startswith(b"get /f?alt=media http/1.1")
    assert b"x-goog-api-key: key" in server.asked[0].lower()


async def test_the_answer_is_there_before_the_first_byte_of_the_body() -> None:
    async with answering(OK + b"content-length: 3\r\n\r\n", silent=True) as server:
        async with asyncio.timeout(60):
            response = await ask(server)
            await response.aclose()
            await server.closed.wait()


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ((), None),
        ((b"X-Goog-Hash: crc32c=AAAA", b"x-goog-hash: md5=BBBB"), "crc32c=AAAA, md5=BBBB"),
        ((b"x-goog-hash: \xff",), None),
    ],
)
@pytest.mark.parametrize("default", [None, ""])
async def test_headers_read_as_those_of_httpx(
    lines: Sequence[bytes], value: str | None, default: str | None
) -> None:
    head = b"".join(line + b"\r\n" for line in lines)
    async with answering(OK + head + THREE) as server:
        response = await ask(server)
        assert response.headers.get("x-goog-hash", default) == (value or default)
        await response.aclose()


@pytest.mark.parametrize(
    ("pieces", "error", "said"),
    [
        ((OK + b"content-length: 9\r\n\r\nabc",), httpx.ReadError, "end of file"),
        ((OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n",), httpx.ReadError, "chunk"),
    ],
)
async def test_an_error_in_the_middle_is_one_of_httpx(
    pieces: Sequence[bytes], error: type[Exception], said: str
) -> None:
    async with answering(*pieces) as server:
        response = await ask(server)
        with pytest.raises(error, match=said):
            [piece async for piece in response.aiter_raw()]
        await response.aclose()


async def test_silence_in_the_middle_is_a_timeout_of_httpx() -> None:
    async def silence() -> None:
        async with answering(OK + b"content-length: 9\r\n\r\nabc", silent=True) as server:
            response = await client(silence=0.2).get_file(server.url, {})
            with pytest.raises(httpx.ReadTimeout):
                [piece async for piece in response.aiter_raw()]
            await response.aclose()

    await undisturbed(silence, stall=0.05)


@pytest.mark.parametrize("answer", [b"", b"nonsense\xff\r\n\r\n", b"HTTP/9.9 200\r\n\r\n"])
async def test_no_answer_or_nonsense_is_an_error_of_httpx(answer: bytes) -> None:
    async with answering(answer) as server:
        with pytest.raises(httpx.ReadError):
            await ask(server)


async def test_who_cannot_be_reached_is_told_from_who_does_not_answer() -> None:
    with pytest.raises(httpx.ConnectError, match=r"^Connection refused$"):
        await client().get_file("http://127.0.0.1:1/f", {})


@pytest.mark.parametrize(
    ("url", "headers"),
    [("http://[::1/f", {}), ("no url", {}), ("http://127.0.0.1:1/f", {"X": "line\nbreak"})],
)
async def test_what_cannot_be_asked_is_an_invalid_url(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(httpx.InvalidURL):
        await client().get_file(url, headers)


@pytest.mark.parametrize(
    ("status", "headers"),
    [(206, {}), (302, {}), (401, {}), (403, {}), (416, {"Range": "bytes=5-"})],
)
async def test_whatever_is_not_the_bytes_is_httpx_s_response(
    status: int, headers: dict[str, str]
) -> None:
    head = f"HTTP/1.1 {status} As told\r\nLocation: /there\r\nX: \xff\r\n".encode("latin-1")
    async with answering(head + THREE) as server:
        response = await ask(server, headers)
        assert isinstance(response, httpx.Response)
        assert (response.status_code, response.headers["location"]) == (status, "/there")
        assert response.has_redirect_location == (status == 302)
        assert b"".join([piece async for piece in response.aiter_bytes()]) == b"abc"
        await response.aclose()
    assert len(server.asked) == 1


async def test_a_range_may_be_answered_with_a_part() -> None:
    async with answering(b"HTTP/1.1 206 Partial Content\r\n" + THREE) as server:
        response = await ask(server, {"Range": "bytes=5-"})
        assert isinstance(response, MediaResponse)
        assert response.status_code == 206
        await response.aclose()


async def test_a_response_is_freed_without_the_garbage_collector() -> None:
    """It holds a connection and memory of the client's."""
    async with answering(OK + THREE) as server:
        response = await ask(server)
        [piece async for piece in response.aiter_raw()]
        await response.aclose()
        there = weakref.ref(response)
        del response
        assert there() is None
