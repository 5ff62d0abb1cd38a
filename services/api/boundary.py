"""Applies to every request, also to those that no route takes, which Litestar's middleware does
not see: the request id, the limits, the checks against other web sites, HEAD, headers and the log.
"""

import asyncio
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast
from uuid import uuid4

import structlog
from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from services.api.connections import REFUSED
from services.api.cors import allowed_origin, answer_preflight, cors_headers, is_preflight
from services.api.keys import CALLER, caller_of
from services.api.limits import UNLIMITED, RateLimit
from services.api.problems import LONGEST_INSTANCE, Problem
from services.api.settings import ApiSettings, is_allowed

LONGEST_ADDRESS = 8 * 1024
SEND_SECONDS = 60
"""How long a client may leave an answer unread before the connection is closed."""
BODY_SECONDS = 30
"""How long a client may take to send a body."""
IMPORT = re.compile(r"/imports/(?!preview$)([\w-]{1,64})(?:/|$)", re.ASCII)
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"referrer-policy", b"no-referrer"),
)
ENCODING = b"content-encoding"
ACCEPT = b"accept-encoding"
Headers = Iterable[tuple[bytes, bytes]]
log = structlog.get_logger()


class Boundary:
    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings
        self._rate = RateLimit(settings.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given.decode() if REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        scope["headers"] = [*_with_one_encoding(scope["headers"])]
        began = time.monotonic()
        status = 0

        async def bounded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*self._headers(scope, message["headers"])]
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        about = IMPORT.match(scope["path"])
        known = {"import_id": about[1]} if about else {}
        with structlog.contextvars.bound_contextvars(request_id=request_id, **known):
            try:
                answer = self._head if scope["method"] == "HEAD" else self._answer
                await answer(scope, receive, bounded_send)
            finally:
                if status >= 400 or scope["method"] not in SAFE_METHODS:
                    ms = round((time.monotonic() - began) * 1000, 1)
                    path = scope["path"][:LONGEST_INSTANCE]
                    key = {"key": by} if (by := caller_of(scope).name) else {}
                    method = scope["method"]
                    log.info("request", method=method, path=path, status=status, ms=ms, **key)
                structlog.contextvars.unbind_contextvars("import_id")  # of an import that began

    def _headers(self, scope: HTTPScope, given: Headers) -> Iterator[tuple[bytes, bytes]]:
        names = {name for name, _ in given}
        by_key = caller_of(scope).key is not None
        for name, value in map(_with_head, given):
            # What was given to a key is in no cache that others share.
            private = by_key and name == b"cache-control"
            yield name, value.replace(b"public", b"private") if private else value
        yield from HEADERS
        yield b"x-request-id", scope["state"]["request_id"].encode()
        if b"vary" not in names:
            yield b"vary", b"accept-encoding"
        if by_key and b"cache-control" not in names:
            yield b"cache-control", b"private"
        if self._settings.origins:
            yield b"vary", b"origin"
        if origin := allowed_origin(scope, self._settings.origins):
            yield from cors_headers(origin)

    async def _head(self, scope: HTTPScope, _receive: Receive, send: Send) -> None:
        """Answer with the headers that GET would have."""

        async def gone() -> Any:  # no body is taken, so a stream ends at once
            return {"type": "http.disconnect"}

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)

        await self._answer(cast(HTTPScope, {**scope, "method": "GET"}), gone, headers_only)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        app = self._app
        settings = self._settings
        state = scope["state"]
        state["keys"] = settings.keys
        if scope["method"] not in SAFE_METHODS:
            receive = _bounded(receive)
        try:
            _check_host(scope, settings)
            state[CALLER] = caller = settings.keys.caller(scope)
            self._rate.check(scope, caller)
            origin = allowed_origin(scope, settings.origins)
            _check_body(scope, cross_site=bool(origin))
            if origin and is_preflight(scope):
                app = answer_preflight
        except Problem as problem:
            request = Request[Any, Any, Any](scope, receive)
            app = problem.to_response(request).to_asgi_response(None, request)
        await app(scope, receive, send)


def _with_head(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = header
    return (name, value.replace(b"GET", b"GET, HEAD")) if name == b"allow" else header


def _with_one_encoding(headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    """`Accept-Encoding` as Litestar reads it: the word gzip, in lower case, or none, since it takes
    `gzip;q=0` for a wish."""
    accepted = ",".join(value.decode("latin-1") for name, value in headers if name == ACCEPT)
    yield from ((name, value) for name, value in headers if name != ACCEPT)
    for each in accepted.lower().replace(" ", "").split(","):
        name, _, weight = each.partition(";")
        if name in ("gzip", "x-gzip") and not re.fullmatch(r"q=0(\.0*)?", weight):
            yield ACCEPT, b"gzip"
            return


def _bounded(receive: Receive) -> Receive:
    """Raises a `body_too_slow` problem to whoever reads the body."""
    until = asyncio.get_running_loop().time() + BODY_SECONDS
    is_whole = False

    async def bounded() -> Any:
        nonlocal is_whole
        if is_whole:  # what comes is the client's leave, whenever that is
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            detail = f"The body did not arrive within {BODY_SECONDS} seconds. Send it again."
            raise Problem("body_too_slow", detail, {"Connection": "close"}) from None
        is_whole = not message.get("more_body")
        return message

    return bounded


def _check_host(scope: HTTPScope, settings: ApiSettings) -> None:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not is_allowed(hosts[0], settings.allowed_hosts):
        raise Problem(
            "host_not_allowed",
            "The Host header names a host that is not allowed. If it is yours, add it to "
            "ALLOWED_HOSTS.",
        )
    if scope["state"].get(REFUSED) and not scope["path"].startswith(UNLIMITED):
        raise Problem(
            "too_many_connections",
            "Too many clients are connected at the moment. Try again in a few seconds.",
            {"Retry-After": "5", "Connection": "close"},
        )
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
        raise Problem(
            "address_too_long",
            f"The path and query may have at most {LONGEST_ADDRESS:,} bytes together.",
        )


def _check_body(scope: HTTPScope, *, cross_site: bool) -> None:
    """`cross_site` says whether the page that asks may be on another site."""
    if scope["method"] in SAFE_METHODS:
        return
    # Where the API asks for no key, a page elsewhere must not act through a visitor's browser.
    # Browsers say where a request comes from (W3C Fetch Metadata), and they ask us before another
    # site sends JSON, but no other kind of body (CORS).
    headers = dict(scope["headers"])
    if headers.get(b"sec-fetch-site") == b"cross-site" and not cross_site:
        raise Problem(
            "cross_site",
            "A page on another website sent this request. Call the API from its own origin.",
        )
    encodings = {value.strip().lower() for name, value in scope["headers"] if name == ENCODING}
    if encodings - {b"", b"identity"}:
        raise Problem(
            "unsupported_encoding",
            "The API does not accept compressed bodies. Send the body uncompressed, without "
            "`Content-Encoding`.",
            {"Accept-Encoding": "identity"},
        )
    _check_type(headers)


def _check_type(headers: Mapping[bytes, bytes]) -> None:
    kind = headers.get(b"content-type", b"").decode("latin-1")
    has_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
    is_json = kind.partition(";")[0].strip().lower() == "application/json"
    if not is_json and (has_body or b"content-type" in headers):
        sent = f"is {kind[:80]!r}" if kind else "is missing"
        raise Problem(
            "unsupported_media_type",
            f"The Content-Type {sent}. Send JSON with `Content-Type: application/json`.",
        )
