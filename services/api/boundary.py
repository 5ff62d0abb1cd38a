"""What holds for every request, before routing and after it: names, bounds, headers, logs.

Plain ASGI around the whole application, because Litestar's own middleware does not see requests
that no route takes (litestar#3663).
"""

import asyncio
import re
import time
from uuid import uuid4

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from services.api.problems import MEDIA_TYPE, Problem

LONGEST_ADDRESS = 8 * 1024
SEND_SECONDS = 60
"""How long a client may leave what it asked for unread, before the answer is broken off."""
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
READING = {"GET", "HEAD", "OPTIONS"}
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"referrer-policy", b"no-referrer"),
)

log = structlog.get_logger()


class Boundary:
    """Wraps the application; lifespan messages pass through."""

    def __init__(self, app: ASGIApp, send_seconds: float = SEND_SECONDS) -> None:
        self._app = app
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.monotonic(), 0

        async def bounded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [*HEADERS, (b"x-request-id", request_id.encode())]
                message["headers"] = [*message["headers"], *own]
            async with asyncio.timeout(self._send_seconds):
                await send(message)

        try:
            problem = _refusal(scope, headers)
            if problem is None:
                await self._app(scope, receive, bounded_send)
            else:
                await _refuse(problem, scope["path"], request_id, bounded_send)
        finally:
            if status >= 400 or scope["method"] not in READING:
                _log(scope, status, request_id, time.monotonic() - began)


def _request_id(given: bytes | None) -> str:
    return given.decode() if given and REQUEST_ID.fullmatch(given) else uuid4().hex


def _refusal(scope: HTTPScope, headers: dict[bytes, bytes]) -> Problem | None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
        return Problem("address_too_long", f"An address has at most {LONGEST_ADDRESS} bytes.")
    # On loopback nobody is asked for a key, so a page from elsewhere must not act through a
    # visitor's browser. Browsers say where a request comes from (W3C Fetch Metadata).
    if scope["method"] not in READING and headers.get(b"sec-fetch-site") == b"cross-site":
        return Problem("cross_site", "This request comes from a page of another web site.")
    return None


async def _refuse(problem: Problem, path: str, request_id: str, send: Send) -> None:
    body = msgspec.json.encode(problem.body(path[:200], request_id))
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": problem.kind.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _log(scope: HTTPScope, status: int, request_id: str, seconds: float) -> None:
    log.info(
        "request",
        method=scope["method"],
        path=scope["path"][:200],
        status=status,
        request_id=request_id,
        ms=round(seconds * 1000, 1),
    )
