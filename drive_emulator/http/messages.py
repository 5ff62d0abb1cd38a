"""HTTP requests and responses, directly on ASGI, and breaking their connections."""

import asyncio
import contextlib
import gzip
import socket
import struct
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from drive_emulator.http.errors import ApiError, Headers, api_error, invalid

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]

MAX_WAIT_S = 3_600.0
_CLOSING_S = 5.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: drop unsent data and send RST
MAX_BODY = 1024 * 1024
_MAX_WRITE = 1024 * 1024
_CACHED_UP_TO = 200  # bytes of a query string

_JSON_HEADERS: Headers = (
    (b"content-type", b"application/json; charset=UTF-8"),
    (b"vary", b"Origin"),
    (b"vary", b"X-Origin"),
    (b"vary", b"Referer"),
    (b"cache-control", b"no-cache, no-store, max-age=0, must-revalidate"),
    (b"pragma", b"no-cache"),
    (b"expires", b"Mon, 01 Jan 1990 00:00:00 GMT"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-xss-protection", b"0"),
    (b"server", b"ESF"),
)


@dataclass(frozen=True)
class Request:
    """One request. `method` is the effective one, after X-HTTP-Method-Override.

    `client` is the client's IP address; `query` is the query string that `params` came from.
    """

    method: str
    path: str
    params: dict[str, str]
    raw_headers: RawHeaders
    client: str = ""
    query: bytes = b""
    scheme: str = "http"

    def with_headers(self, headers: RawHeaders) -> "Request":
        return replace(self, raw_headers=headers)

    @cached_property
    def headers(self) -> dict[bytes, bytes]:
        """By name in lower case; where a name is repeated, the last one counts."""
        return {name.lower(): value for name, value in self.raw_headers}

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.header(b'host') or 'localhost'}"

    @property
    def pretty(self) -> bool:
        return self.params.get("prettyPrint", "true").lower() not in ("false", "0")

    @property
    def takes_gzip(self) -> bool:
        """Google compresses only if both Accept-Encoding and User-Agent mention gzip."""
        agent = self.header(b"user-agent")
        return "gzip" in agent and "gzip" in self.header(b"accept-encoding")


async def read_request(scope: Scope, receive: Receive) -> Request:
    """Read a request. A POST that overrides its method with GET becomes a GET.

    Clients use that override for queries that are too long for a URL.
    """
    method, headers = scope["method"], list(scope["headers"])
    query, client = scope["query_string"], scope.get("client")
    address = client[0] if client else ""
    scheme = scope.get("scheme", "http")
    request = Request(method, scope["path"], read_form(query), headers, address, query, scheme)
    if method != "POST" or request.header(b"x-http-method-override").upper() != "GET":
        return request
    body = await read_body(receive)
    query = b"&".join(filter(None, (query, body)))
    return replace(request, method="GET", query=query, params=request.params | read_form(body))


def read_form(text: bytes) -> dict[str, str]:
    """The parameters of a query string or form; the last value of a repeated name counts."""
    return dict(_parsed(text) if len(text) <= _CACHED_UP_TO else _parsed.__wrapped__(text))


@lru_cache(maxsize=256)
def _parsed(text: bytes) -> dict[str, str]:
    """Cached, because most requests of a test or benchmark have the same few parameters."""
    try:
        return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=200))
    except ValueError:
        raise invalid("parameters", "Too many parameters") from None


async def read_body(receive: Receive, limit: int = MAX_BODY) -> bytes:
    """The whole body; raises `ApiError` 413 if it is longer than `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # the client has disconnected: nobody will read the response
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise api_error(413, "uploadTooLarge", "Request Entity Too Large")
        if not message.get("more_body", False):
            return b"".join(parts)


async def send_response(
    send: Send, request: Request, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> None:
    """A response in one piece; a HEAD request gets its headers without the body."""
    all_headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    body = b"" if request.method == "HEAD" else body
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_json(
    send: Send, request: Request, value: Any, status: int = 200, more: Headers = ()
) -> None:
    """A JSON response as Google sends it."""
    encoded = msgspec.json.encode(value)
    encoded = msgspec.json.format(encoded, indent=2) if request.pretty else encoded
    headers = [*_JSON_HEADERS, *more]
    if request.takes_gzip:
        encoded = gzip.compress(encoded, 4)
        headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    await send_response(send, request, status, headers, encoded)


async def send_error(send: Send, request: Request, error: ApiError) -> None:
    if isinstance(error.body, dict):
        await send_json(send, request, error.body, error.status, error.headers)
        return
    page = (error.body or "").encode()
    headers = [*error.headers]
    if page:
        headers.append((b"content-type", b"text/html; charset=UTF-8"))
    await send_response(send, request, error.status, headers, page)


async def send_parts(send: Send, parts: Iterable[bytes | memoryview]) -> None:
    """A body in bounded writes; each waits until the client has taken most of the previous one."""
    last: bytes | memoryview = b""
    for part in parts:
        for start in range(0, len(part), _MAX_WRITE):
            if last:
                await send({"type": "http.response.body", "body": last, "more_body": True})
            fits = len(part) <= _MAX_WRITE
            last = part if fits else part[start : start + _MAX_WRITE]
    await send({"type": "http.response.body", "body": last, "more_body": False})


async def send_lines(send: Send, chunks: AsyncIterable[bytes]) -> None:
    headers = [(b"content-type", b"application/x-ndjson")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class Disconnected(Exception):
    """The connection is closed or closing; nothing more can be sent."""


async def drop_connection(send: Send, receive: Receive, *, reset: bool = False) -> None:
    """Close the connection: after what was sent (FIN), or at once (RST).

    Always raises `Disconnected`.
    """
    transport = _transport(send)
    if transport is not None:
        if reset:
            client = transport.get_extra_info("socket")
            if client is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        else:
            transport.close()
        await client_left(receive, _CLOSING_S)
    raise Disconnected


def close(send: Send) -> bool:
    """Close the connection without waiting; returns whether there is one."""
    transport = _transport(send)
    if transport is not None:
        transport.close()
    return transport is not None


async def client_left(receive: Receive, seconds: float) -> bool:
    """Wait for the client to disconnect, at most so long; returns whether it did."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(seconds, MAX_WAIT_S)):
            while (await receive())["type"] != "http.disconnect":
                pass
            return True
    return False


def _transport(send: Send) -> Any:
    """uvicorn's transport, found through the object that `send` is a method of.

    ASGI itself has no way to break a connection.
    """
    cycle = getattr(send, "__self__", None)
    return getattr(cycle, "transport", None)
