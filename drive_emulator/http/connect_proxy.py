"""An HTTP proxy (CONNECT) that connects Google's hosts to the emulator's TLS listener.

Every other host, and every request that is not CONNECT, gets 403 with an explanation. A client
under test that tries to reach the Internet therefore fails at once, and says why.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Protocol

MAX_TUNNELS = 512
MAX_CONNECT_HEAD = 16 * 1024  # bytes of a CONNECT request with its headers
HEAD_TIMEOUT_S = 10.0  # for the client's request, and for the connection to the listener
_IDLE_TIMEOUT_S = 600.0  # without a byte in either direction
_CHUNK = 128 * 1024

_GOOGLE = re.compile(r"(?:[a-z0-9-]{1,63}\.){0,3}googleapis\.com|(?:accounts|docs)\.google\.com")
_TARGET = re.compile(r"CONNECT ([A-Za-z0-9.-]{1,253}):(\d{1,5}) HTTP/1\.[01]")


class Writer(Protocol):
    """The part of `asyncio.StreamWriter` that the proxy uses."""

    def write(self, data: bytes, /) -> None: ...
    async def drain(self) -> None: ...
    def close(self) -> None: ...


Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, Writer]]]


class TunnelRefused(Exception):
    """No tunnel: the status line, and the text that the client is shown."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


def check_target(request_line: str, universe: str) -> None:
    """Accept `CONNECT host:port` for Google's hosts on port 443 and for any port of the universe.

    Raises `TunnelRefused` for everything else.
    """
    if not request_line.startswith("CONNECT "):
        method, _, rest = request_line.partition(" ")
        address = rest.partition(" ")[0]
        raise TunnelRefused(
            "403 Forbidden",
            f"this proxy only tunnels (CONNECT) to Google's API hosts; refused: {method[:20]} "
            f"{address[:200]}",
        )
    found = _TARGET.fullmatch(request_line)
    if found is None:
        raise TunnelRefused("400 Bad Request", "malformed request: CONNECT needs host:port")
    host, port = found[1].lower().rstrip("."), found[2]
    in_universe = host == universe or host.endswith(f".{universe}")
    if not (in_universe or (_GOOGLE.fullmatch(host) and port == "443")):
        raise TunnelRefused(
            "403 Forbidden",
            f"the Drive emulator's proxy only connects to Google's API hosts (port 443) and to "
            f"{universe}; refused: {host}:{port}",
        )


class ConnectProxy:
    """Serves one client connection per call of `serve`, and at most `limit` at once."""

    def __init__(self, connect: Connect, universe: str, limit: int = MAX_TUNNELS) -> None:
        self._connect = connect
        self._universe = universe
        self._limit = limit
        self.open = 0
        self.refused = 0

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        """Serve a client from its first byte to the end of its connection."""
        self.open += 1
        try:
            await self._serve(reader, writer)
        except TunnelRefused as why:
            self.refused += 1
            await _send_error(writer, why)
        except OSError:
            pass  # one side disconnected: there is nobody to tell
        finally:
            self.open -= 1
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        if self.open > self._limit:
            raise TunnelRefused("503 Service Unavailable", f"{self._limit} tunnels are open")
        check_target(await _read_request_line(reader), self._universe)
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_S):
                server_reader, server_writer = await self._connect()
        except (OSError, TimeoutError):
            raise TunnelRefused("502 Bad Gateway", "the TLS listener is closed") from None
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            await _relay((reader, server_writer), (server_reader, writer))
        finally:
            server_writer.close()


async def _read_request_line(reader: asyncio.StreamReader) -> str:
    try:
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            head = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        message = f"no request within {HEAD_TIMEOUT_S:.0f} s"
        raise TunnelRefused("408 Request Timeout", message) from None
    except asyncio.LimitOverrunError:
        message = f"a request may have {MAX_CONNECT_HEAD:,} bytes"
        raise TunnelRefused("431 Request Header Fields Too Large", message) from None
    except asyncio.IncompleteReadError as end:
        raise ConnectionResetError("the client disconnected before its request") from end
    return head.partition(b"\r\n")[0].decode("latin-1")


async def _relay(*directions: tuple[asyncio.StreamReader, Writer]) -> None:
    """Copy both ways until one side ends: with TLS, nothing useful follows after that."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_copy(source, sink)) for source, sink in directions]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _copy(source: asyncio.StreamReader, sink: Writer) -> None:
    try:
        while True:
            async with asyncio.timeout(_IDLE_TIMEOUT_S):
                part = await source.read(_CHUNK)
                if not part:
                    return
                sink.write(part)
                await sink.drain()
    except (OSError, TimeoutError):
        return


async def _send_error(writer: Writer, error: TunnelRefused) -> None:
    body = f"{error}\n".encode()
    head = (
        f"HTTP/1.1 {error.status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            writer.write(head.encode() + body)
            await writer.drain()
    except (OSError, TimeoutError):
        return
