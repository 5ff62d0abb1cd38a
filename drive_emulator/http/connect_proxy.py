"""An HTTP proxy that leads nowhere but here: CONNECT for Google's hosts ends at the TLS listener.

Every other host, and every request that is no CONNECT, is refused with 403 and a sentence: a
client under test that would reach the Internet fails at once, and says why.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Protocol

MAX_TUNNELS = 512
MAX_HEAD = 16 * 1024  # bytes of a CONNECT request with its headers
HEAD_S = 10.0  # for a client to say what it wants, and for the listener to be reached
IDLE_S = 600.0  # without a byte in either direction
_CHUNK = 128 * 1024

_GOOGLE = re.compile(r"(?:[a-z0-9-]{1,63}\.){0,3}googleapis\.com|(?:accounts|docs)\.google\.com")
_TARGET = re.compile(r"CONNECT ([A-Za-z0-9.-]{1,253}):(\d{1,5}) HTTP/1\.[01]")


class Reads(Protocol):
    """The reading half of a connection, as asyncio's streams have it."""

    async def read(self, n: int = -1, /) -> bytes: ...
    async def readuntil(self, separator: bytes = b"\n") -> bytes: ...


class Writes(Protocol):
    """The writing half."""

    def write(self, data: bytes, /) -> None: ...
    async def drain(self) -> None: ...
    def close(self) -> None: ...


Connect = Callable[[], Awaitable[tuple[Reads, Writes]]]


class Refused(Exception):
    """No tunnel: the status, and the sentence that the client is shown."""

    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status


def check_target(first_line: str, universe: str) -> None:
    """Pass `CONNECT host:port HTTP/1.x` for Google's hosts on 443 and any port of the universe.

    Raises `Refused`.
    """
    if not first_line.startswith("CONNECT "):
        method, _, rest = first_line.partition(" ")
        address = rest.partition(" ")[0]
        raise Refused(
            "403 Forbidden",
            f"this proxy only tunnels (CONNECT) to Google's API hosts; refused: {method[:20]} "
            f"{address[:200]}",
        )
    found = _TARGET.fullmatch(first_line)
    if found is None:
        raise Refused("400 Bad Request", "not understood: CONNECT wants host:port")
    host, port = found[1].lower().rstrip("."), found[2]
    of_universe = host == universe or host.endswith(f".{universe}")
    if not (of_universe or (_GOOGLE.fullmatch(host) and port == "443")):
        raise Refused(
            "403 Forbidden",
            f"this is the Drive emulator's proxy: it leads to Google's API hosts (port 443) and "
            f"to {universe} alone; refused: {host}:{port}",
        )


class ConnectProxy:
    """Serves one client connection at a time per call of `serve`; at most `most` at once."""

    def __init__(self, connect: Connect, universe: str, most: int = MAX_TUNNELS) -> None:
        self._connect = connect
        self._universe = universe
        self._most = most
        self.open = 0
        self.refused = 0

    async def serve(self, client: Reads, to_client: Writes) -> None:
        """From the client's first byte to the end of its connection."""
        self.open += 1
        try:
            await self._serve(client, to_client)
        except Refused as why:
            self.refused += 1
            await _say(to_client, why.status, str(why))
        except OSError:
            pass  # either side hung up: nobody is left to be told
        finally:
            self.open -= 1
            to_client.close()

    async def _serve(self, client: Reads, to_client: Writes) -> None:
        if self.open > self._most:
            raise Refused("503 Service Unavailable", f"{self._most} tunnels are open already")
        check_target(await _first_line(client), self._universe)
        try:
            async with asyncio.timeout(HEAD_S):
                server, to_server = await self._connect()
        except (OSError, TimeoutError):
            raise Refused("502 Bad Gateway", "the emulator's TLS listener is closed") from None
        try:
            to_client.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await to_client.drain()
            await _either((client, to_server), (server, to_client))
        finally:
            to_server.close()


async def _first_line(client: Reads) -> str:
    try:
        async with asyncio.timeout(HEAD_S):
            head = await client.readuntil(b"\r\n\r\n")
    except TimeoutError:
        raise Refused("408 Request Timeout", f"no request within {HEAD_S:.0f} s") from None
    except asyncio.LimitOverrunError:
        raise Refused(
            "431 Request Header Fields Too Large", f"a request has at most {MAX_HEAD:,} bytes"
        ) from None
    except asyncio.IncompleteReadError as end:
        raise ConnectionResetError("it hung up before it had asked") from end
    return head.partition(b"\r\n")[0].decode("latin-1")


async def _either(*ways: tuple[Reads, Writes]) -> None:
    """Both directions, until one ends: TLS leaves nothing to say after either."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_pump(source, sink)) for source, sink in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _pump(source: Reads, sink: Writes) -> None:
    try:
        while True:
            async with asyncio.timeout(IDLE_S):
                part = await source.read(_CHUNK)
                if not part:
                    return
                sink.write(part)
                await sink.drain()
    except (OSError, TimeoutError):
        return


async def _say(to_client: Writes, status: str, why: str) -> None:
    body = f"{why}\n".encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(HEAD_S):
            to_client.write(head.encode() + body)
            await to_client.drain()
    except (OSError, TimeoutError):
        return
