"""Limits of connections, on real sockets: a server with a small application."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.api import connections
from services.api.boundary import Boundary
from services.api.server import Server, listener_on
from services.api.settings import ApiSettings
from services.core.settings import Reader
from tests.fakes.patience import undisturbed

MOST = 10


async def answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def server() -> AsyncIterator[int]:
    """Its port."""
    listener, stop = listener_on("127.0.0.1", 0), asyncio.Event()
    settings = ApiSettings.read(Reader({"API_CONNECTIONS": str(MOST)}))
    app = Boundary(answer, settings)
    serving = asyncio.create_task(Server(app, stop, settings.connections).serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        await serving


async def ask(port: int, path: str = "/x") -> tuple[bytes, bytes]:
    """The head and the body of the answer, on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


async def test_one_connection_too_many_is_told_why_and_the_others_are_answered() -> None:
    async with server() as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST)]
        head, body = await ask(port)
        assert head.startswith(b"HTTP/1.1 503")
        assert b"\r\nconnection: close" in head.lower()
        assert json.loads(body)["code"] == "too_many_connections"
        assert (await ask(port, "/health/live"))[1] == b"ok"
        for reader, writer in silent:
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        more = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2 * MOST)]
        assert await more[-1][0].read() == b""  # closed at once
        for _, writer in (*silent, *more):
            writer.close()


@pytest.mark.parametrize("asked", ["FROB / HTTP/1.1", "GET / HTTP/1.1\r\na b: c", "\x16\x03\x01"])
async def test_what_is_no_request_is_told_so_as_a_problem(asked: str) -> None:
    async with server() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{asked}\r\nHost: localhost\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json" in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (400, "bad_request")


async def test_a_client_that_does_not_ask_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ASK_SECONDS", 0.2)
    async with server() as port:
        for sent in (b"", b"GET / HTTP/1.1\r\nHost: local"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            async with asyncio.timeout(60):
                assert await reader.read() == b""
            writer.close()


async def test_after_an_answer_a_client_has_as_long_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ASK_SECONDS", 0.4)

    async def asks_three_times() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for _ in range(3):
                writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await reader.readuntil(b"ok")
                await asyncio.sleep(0.2)
            writer.write(b"GET / HTTP/1.1\r\n")
            async with asyncio.timeout(60):
                assert await reader.read() == b""
        finally:
            writer.close()

    async with server() as port:
        await undisturbed(asks_three_times, stall=0.1)
