"""The limits of a connection, without opening a socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from drive_emulator.http import server
from drive_emulator.http.messages import Receive, Scope, Send
from drive_emulator.http.server import MAX_HEAD, BoundedHttpProtocol
from tests.fakes.patience import until

TIMEOUT_S = 0.03
OK = b"GET /drive/v3/files HTTP/1.1\r\nHost: drive\r\n\r\n"


class Line(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.data += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, then send its length."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = f"{scope['method']} {size}".encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def line() -> Line:
    return Line()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_TIMEOUT_S", TIMEOUT_S)


@pytest.fixture
async def connection(line: Line) -> AsyncIterator[BoundedHttpProtocol]:
    config = Config(answer, http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    connection = BoundedHttpProtocol(config=config, server_state=ServerState(), app_state={})
    connection.connection_made(line)
    yield connection
    connection.connection_lost(None)


async def test_a_head_without_an_end_is_refused(
    line: Line, connection: BoundedHttpProtocol
) -> None:
    connection.data_received(OK[:-2] + b"X: ")
    for _ in range(MAX_HEAD // 65_536):
        assert not line.closed
        connection.data_received(b"a" * 65_536)
    assert line.data.startswith(b"HTTP/1.1 431 ")
    assert line.closed


async def test_the_heads_of_several_requests_are_counted_separately(
    line: Line, connection: BoundedHttpProtocol
) -> None:
    for answers in (1, 2, 3):
        connection.data_received(OK[:-2] + b"X: " + b"a" * (MAX_HEAD - 1_000))
        connection.data_received(b"\r\n\r\n")
        await until(lambda n=answers: line.data.count(b"GET 0") == n)  # type: ignore[misc]


async def test_a_long_body_is_not_counted_as_head(
    line: Line, connection: BoundedHttpProtocol
) -> None:
    size = MAX_HEAD * 2
    connection.data_received(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
    for _ in range(size // 65_536):
        connection.data_received(b"a" * 65_536)
    await until(lambda: line.data.endswith(b"POST %d" % size))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HT",
        OK[:-2],
        OK + b"GET",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
    ],
)
async def test_an_incomplete_request_times_out(
    said: bytes, line: Line, connection: BoundedHttpProtocol
) -> None:
    if said:
        connection.data_received(said)
    await asyncio.sleep(TIMEOUT_S * 3)
    assert line.closed


@pytest.mark.usefixtures("impatient")
async def test_an_idle_connection_does_not_time_out(
    line: Line, connection: BoundedHttpProtocol
) -> None:
    connection.data_received(OK)
    await asyncio.sleep(TIMEOUT_S * 3)
    assert not line.closed
    assert line.data.endswith(b"GET 0")


@pytest.mark.usefixtures("impatient")
async def test_a_failed_handshake_does_not_raise_later(line: Line) -> None:
    broken: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
    config = Config(answer, http=BoundedHttpProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    BoundedHttpProtocol(config=config, server_state=ServerState(), app_state={})
    await asyncio.sleep(TIMEOUT_S * 3)
    assert not broken
    assert not line.closed
