"""HTTP requests and responses, directly on ASGI."""

import gzip
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from drive_emulator.http.errors import ApiError, Headers, invalid, request_too_large

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]

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
        """The same request with other headers."""
        return replace(self, raw_headers=headers)

    @cached_property
    def headers(self) -> dict[bytes, bytes]:
        """By name in lower case; where a name is repeated, the last one counts."""
        return {name.lower(): value for name, value in self.raw_headers}

    def header(self, name: bytes) -> str:
        """The value, or an empty string."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def origin(self) -> str:
        """Scheme and host as the client named them."""
        return f"{self.scheme}://{self.header(b'host') or 'localhost'}"

    @property
    def pretty(self) -> bool:
        """`prettyPrint`, which is on by default."""
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
    params = request.params | read_form(body)
    return Request("GET", scope["path"], params, headers, address, query, scheme)


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
            raise request_too_large()
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
    """An error as JSON, as a page of HTML, or without a body."""
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
    """NDJSON of unknown length."""
    headers = [(b"content-type", b"application/x-ndjson")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
