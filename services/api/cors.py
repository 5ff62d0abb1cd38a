"""CORS: lets pages of listed origins call the API, with the headers that its clients use.

Litestar's own does not see requests that no route takes, and errors must be readable too.
"""

import re
from collections.abc import Collection, Iterator

from litestar.types import HTTPScope, Receive, Scope, Send

ORIGIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
METHODS = b"GET, HEAD, POST, PATCH, OPTIONS"
ACCEPTED = (
    b"Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Request-Id"
)
EXPOSED = b"ETag, Link, Location, Retry-After, WWW-Authenticate, X-Request-Id"
PREFLIGHT_SECONDS = b"600"
Header = tuple[bytes, bytes]


def allowed_origin(scope: HTTPScope, origins: Collection[str]) -> bytes | None:
    """The origin of the page that asks, if it is in the list."""
    sent = [value for name, value in scope["headers"] if name == b"origin"]
    return sent[0] if len(sent) == 1 and sent[0].decode("latin-1") in origins else None


def is_preflight(scope: HTTPScope) -> bool:
    asked = any(name == b"access-control-request-method" for name, _ in scope["headers"])
    return asked and scope["method"] == "OPTIONS"


def cors_headers(origin: bytes) -> Iterator[Header]:
    yield b"access-control-allow-origin", origin
    yield b"access-control-expose-headers", EXPOSED


async def answer_preflight(_scope: Scope, _receive: Receive, send: Send) -> None:
    """What a browser asks before a page may send JSON or a key."""
    headers = [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", ACCEPTED),
        (b"access-control-max-age", PREFLIGHT_SECONDS),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
