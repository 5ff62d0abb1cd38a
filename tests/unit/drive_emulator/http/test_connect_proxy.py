"""The proxy: which hosts it accepts, without opening a socket."""

import asyncio
from collections.abc import Callable

import pytest

from drive_emulator.http import connect_proxy
from drive_emulator.http.connect_proxy import (
    MAX_CONNECT_HEAD,
    ConnectProxy,
    TunnelRefused,
    Writer,
    check_target,
)


class Sink:
    """The writing half of a connection that keeps what was written."""

    def __init__(self, then: Callable[[bytes], None] = lambda _: None) -> None:
        self.data = b""
        self.closed = False
        self._then = then

    def write(self, data: bytes, /) -> None:
        self.data += data
        self._then(data)

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        self.closed = True


def source(data: bytes, ends: bool = True) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=MAX_CONNECT_HEAD)
    reader.feed_data(data)
    if ends:
        reader.feed_eof()
    return reader


async def nobody() -> tuple[asyncio.StreamReader, Writer]:
    raise ConnectionRefusedError


def connect(host: str) -> bytes:
    return f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


@pytest.mark.parametrize(
    "host",
    [
        "www.googleapis.com:443",
        "WWW.GoogleAPIs.com:443",
        "googleapis.com:443",
        "oauth2.googleapis.com:443",
        "accounts.google.com:443",
        "www.emu.test:8443",
        "emu.test:443",
    ],
)
def test_googles_hosts_and_the_universe_are_let_through(host: str) -> None:
    check_target(f"CONNECT {host} HTTP/1.1", "emu.test")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("CONNECT example.com:443 HTTP/1.1", "403"),
        ("CONNECT www.googleapis.com.evil.com:443 HTTP/1.1", "403"),
        ("CONNECT evilgoogleapis.com:443 HTTP/1.1", "403"),
        ("CONNECT notemu.test:443 HTTP/1.1", "403"),
        ("CONNECT www.googleapis.com:22 HTTP/1.1", "403"),
        ("CONNECT 127.0.0.1:443 HTTP/1.1", "403"),
        ("GET http://www.googleapis.com/ HTTP/1.1", "403"),
        ("GET / HTTP/1.1", "403"),
        ("CONNECT [::1]:443 HTTP/1.1", "400"),
        ("CONNECT www.googleapis.com HTTP/1.1", "400"),
        ("", "403"),
    ],
)
def test_everything_else_is_refused_with_a_sentence(line: str, status: str) -> None:
    with pytest.raises(TunnelRefused) as refused:
        check_target(line, "emu.test")
    assert refused.value.status.startswith(status)
    assert len(str(refused.value)) > 20


async def test_bytes_go_both_ways_until_one_side_ends() -> None:
    answers = asyncio.StreamReader()

    def answer(data: bytes) -> None:
        answers.feed_data(b"heard " + data)
        answers.feed_eof()

    server = Sink(answer)

    async def here() -> tuple[asyncio.StreamReader, Writer]:
        return answers, server

    client = source(connect("www.googleapis.com:443") + b"hello", ends=False)
    to_client = Sink()
    await ConnectProxy(here, "emu.test").serve(client, to_client)
    established = b"HTTP/1.1 200 Connection established\r\n\r\n"
    assert to_client.data == established + b"heard hello"
    assert server.data == b"hello"
    assert (server.closed, to_client.closed) == (True, True)


async def refusal(proxy: ConnectProxy, data: bytes, ends: bool = False) -> bytes:
    to_client = Sink()
    await proxy.serve(source(data, ends), to_client)
    assert to_client.closed
    return to_client.data


async def test_another_host_is_refused_and_counted() -> None:
    proxy = ConnectProxy(nobody, "emu.test")
    answer = await refusal(proxy, connect("example.com:443"))
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"refused: example.com:443" in answer
    assert (proxy.open, proxy.refused) == (0, 1)


async def test_a_closed_listener_is_a_bad_gateway() -> None:
    answer = await refusal(ConnectProxy(nobody, "emu.test"), connect("www.googleapis.com:443"))
    assert answer.startswith(b"HTTP/1.1 502 ")


async def test_a_head_without_end_is_refused() -> None:
    answer = await refusal(ConnectProxy(nobody, "emu.test"), b"CONNECT " + b"x" * 40_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_silent_client_times_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connect_proxy, "HEAD_TIMEOUT_S", 0.01)
    assert (await refusal(ConnectProxy(nobody, "emu.test"), b"CONN")).startswith(b"HTTP/1.1 408 ")


async def test_a_disconnected_client_gets_no_response() -> None:
    assert await refusal(ConnectProxy(nobody, "emu.test"), b"CONN", ends=True) == b""


async def test_the_number_of_tunnels_is_limited() -> None:
    waiting = asyncio.StreamReader()

    async def here() -> tuple[asyncio.StreamReader, Writer]:
        return waiting, Sink()

    proxy = ConnectProxy(here, "emu.test", limit=1)
    first = asyncio.create_task(
        proxy.serve(source(connect("www.googleapis.com:443"), ends=False), Sink())
    )
    while proxy.open == 0:
        await asyncio.sleep(0)
    answer = await refusal(proxy, connect("www.googleapis.com:443"))
    assert answer.startswith(b"HTTP/1.1 503 ")
    waiting.feed_eof()
    await asyncio.wait_for(first, 60)
    assert proxy.open == 0
