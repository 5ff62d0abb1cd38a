"""Requests and answers, straight on ASGI."""

import gzip
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from drive_emulator.http.errors import ApiError, invalid, request_too_large
from drive_emulator.http.errors import Headers as Headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 1024 * 1024
_MAX_WRITE = 1024 * 1024
_REMEMBERED_UP_TO = 200  # bytes of a query

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
    """One request; `method` is what it means, after X-HTTP-Method-Override.

    `client` is the address that it came from, `query` what `params` were read from.
    """

    method: str
    path: str
    params: dict[str, str]
    raw_headers: list[tuple[bytes, bytes]]
    client: str = ""
    query: bytes = b""
    scheme: str = "http"

    def with_headers(self, headers: list[tuple[bytes, bytes]]) -> "Request":
        """The same request with other headers."""
        return replace(self, raw_headers=headers)

    @cached_property
    def headers(self) -> dict[bytes, bytes]:
        """By name in lower case; the last of a name."""
        return {name.lower(): value for name, value in self.raw_headers}

    def header(self, name: bytes) -> str:
        """The value, or nothing."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def origin(self) -> str:
        """Scheme and host as the client named them."""
        return f"{self.scheme}://{self.header(b'host') or 'localhost'}"

    @property
    def pretty(self) -> bool:
        """`prettyPrint`: on unless it is switched off."""
        return self.params.get("prettyPrint", "true").lower() not in ("false", "0")

    @property
    def takes_gzip(self) -> bool:
        """Google compresses only for clients that say so twice."""
        agent = self.header(b"user-agent")
        return "gzip" in agent and "gzip" in self.header(b"accept-encoding")


async def read_request(scope: Scope, receive: Receive) -> Request:
    """The request; a GET in disguise (POST with a form, for long queries) is a GET from here on."""
    method, headers = scope["method"], list(scope["headers"])
    query, client = scope["query_string"], scope.get("client")
    address = client[0] if client else ""
    scheme = scope.get("scheme", "http")
    request = Request(method, scope["path"], read_form(query), headers, address, query, scheme)
    if method != "POST" or request.header(b"x-http-method-override").upper() != "GET":
        return request
    body = await read_body(receive)
    query = b"&".join(filter(None, (query, body)))
    params = request.params | read_form(body)
    return Request("GET", scope["path"], params, headers, address, query, scheme)


def read_form(text: bytes) -> dict[str, str]:
    """The parameters; where a name is repeated, the last one counts."""
    return dict(_parsed(text) if len(text) <= _REMEMBERED_UP_TO else _parsed.__wrapped__(text))


@lru_cache(maxsize=256)
def _parsed(text: bytes) -> dict[str, str]:
    """Remembered: most requests of a test, or a benchmark, have the same few parameters."""
    try:
        return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=200))
    except ValueError:
        raise invalid("parameters", "Too many parameters") from None


async def read_body(receive: Receive, most: int = MAX_BODY) -> bytes:
    """The whole body; raises `ApiError` 413 if it is larger than `most` bytes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # the client went away; nobody will read an answer
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise request_too_large()
        if not message.get("more_body", False):
            return b"".join(parts)


async def send_json(
    send: Send, request: Request, value: Any, status: int = 200, more: Headers = ()
) -> None:
    """A JSON answer as Google sends it."""
    encoded = msgspec.json.encode(value)
    encoded = msgspec.json.format(encoded, indent=2) if request.pretty else encoded
    headers = [*_JSON_HEADERS, *more]
    if request.takes_gzip:
        encoded = gzip.compress(encoded, 4)
        headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    headers.append((b"content-length", b"%d" % len(encoded)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = b"" if request.method == "HEAD" else encoded
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_error(send: Send, request: Request, error: ApiError) -> None:
    """The answer of an error."""
    if isinstance(error.body, dict):
        await send_json(send, request, error.body, error.status, error.headers)
        return
    page = (error.body or "").encode()
    headers = [(b"content-length", b"%d" % len(page)), *error.headers]
    if page:
        headers.append((b"content-type", b"text/html; charset=UTF-8"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    body = b"" if request.method == "HEAD" else page
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_parts(send: Send, parts: Iterable[bytes | memoryview]) -> None:
    """A body in bounded writes; each waits until the client has taken most of the last."""
    last: bytes | memoryview = b""
    for part in parts:
        for start in range(0, len(part), _MAX_WRITE):
            if last:
                await send({"type": "http.response.body", "body": last, "more_body": True})
            whole = len(part) <= _MAX_WRITE
            last = part if whole else part[start : start + _MAX_WRITE]
    await send({"type": "http.response.body", "body": last, "more_body": False})


async def send_lines(send: Send, chunks: AsyncIterable[bytes]) -> None:
    """NDJSON of unknown length."""
    headers = [(b"content-type", b"application/x-ndjson")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
