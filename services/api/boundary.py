"""Applies to every request, also to those that no route takes, which Litestar's middleware does
not see: the request id, the limits, the checks against other web sites, HEAD, headers and the log.
"""

import asyncio
import re
import time
from collections.abc import Collection
from typing import Any, cast
from uuid import uuid4

import structlog
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from services.api.hosts import is_allowed
from services.api.problems import LONGEST_INSTANCE, Problem

LONGEST_ADDRESS = 8 * 1024
SEND_SECONDS = 60
"""How long a client may leave an answer unread before the connection is closed."""
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"referrer-policy", b"no-referrer"),
)

log = structlog.get_logger()


class Boundary:
    """Wraps the application; lifespan messages pass through."""

    def __init__(
        self, app: ASGIApp, allowed_hosts: Collection[str], send_seconds: float = SEND_SECONDS
    ) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.monotonic()
        status = 0

        async def bounded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [*HEADERS, (b"x-request-id", request_id.encode())]
                message["headers"] = [*map(_with_head, message["headers"]), *own]
            async with asyncio.timeout(self._send_seconds):
                await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._answer(scope, receive, bounded_send)
            finally:
                if status >= 400 or scope["method"] not in SAFE_METHODS:
                    _log(scope, status, time.monotonic() - began)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            scope = cast(HTTPScope, {**scope, "method": "GET"})
            receive, send = _gone, _HeadersOnly(send)
        problem = _refusal(scope, self._allowed_hosts)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            request = Request[Any, Any, Any](scope, receive)
            await problem.to_response(request).to_asgi_response(None, request)(scope, receive, send)


class _HeadersOnly:
    """Answers HEAD with the headers that GET would have."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._ended = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(message)
        elif not self._ended:
            self._ended = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone() -> Any:
    """What a client of HEAD sends: it takes no body, so a stream for it ends at once."""
    return {"type": "http.disconnect"}


def _with_head(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    return (name, value.replace(b"GET", b"GET, HEAD")) if name == b"allow" else header


def _request_id(scope: HTTPScope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id")
    return given.decode() if given and REQUEST_ID.fullmatch(given) else uuid4().hex


def _refusal(scope: HTTPScope, allowed_hosts: Collection[str]) -> Problem | None:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not is_allowed(hosts[0], allowed_hosts):
        return Problem(
            "host_not_allowed",
            "The API does not answer to this host name. Add it to ALLOWED_HOSTS if it is yours.",
        )
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
        return Problem("address_too_long", f"An address has at most {LONGEST_ADDRESS} bytes.")
    # The API asks nobody for a key, so a page elsewhere must not act through a visitor's browser.
    # Browsers say where a request comes from (W3C Fetch Metadata).
    site = dict(scope["headers"]).get(b"sec-fetch-site")
    if scope["method"] not in SAFE_METHODS and site == b"cross-site":
        return Problem("cross_site", "A page of another web site sent this request.")
    return None


def json_only(connection: ASGIConnection[Any, Any, Any, Any], _handler: object) -> None:
    """A guard for every route: a body must be JSON.

    A page of another site may send any other body without the browser asking us first (CORS).
    """
    if not isinstance(connection, Request) or connection.method in SAFE_METHODS:
        return
    headers = connection.headers
    kind = headers.get("content-type")
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if kind is None and not has_body:
        return
    if (kind or "").partition(";")[0].strip().lower() != "application/json":
        sent = f"not {kind[:80]!r}" if kind else "which is missing"
        raise Problem(
            "unsupported_media_type",
            f"Send the body as JSON, with the header `Content-Type: application/json`, {sent}.",
        )


def _log(scope: HTTPScope, status: int, seconds: float) -> None:
    log.info(
        "request",
        method=scope["method"],
        path=scope["path"][:LONGEST_INSTANCE],
        status=status,
        ms=round(seconds * 1000, 1),
    )
