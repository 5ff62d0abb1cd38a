"""Requests to the API that change something, by the semantic conventions of HTTP servers."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from opentelemetry.trace import SpanKind

from services.adapters.tracing.spans import (
    Attributes,
    Spans,
    below,
    current,
    ending,
    failed,
    remote,
)
from services.core.trace_context import HEADER

Scope = MutableMapping[str, Any]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
SERVER_ERROR = 500


class TracedRequests:
    """An ASGI application. A caller's `traceparent` is continued; several, or garbage, are none."""

    def __init__(self, app: App, spans: Spans) -> None:
        self._app = app
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        given = [value for name, value in scope["headers"] if name == HEADER.encode()]
        parent = remote(given[0]) if len(given) == 1 else None
        about: Attributes = {"http.request.method": "POST", "url.path": scope["path"][:200]}
        span = self._spans.start("POST", SpanKind.SERVER, about, below(parent))

        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                span.set_attribute("http.response.status_code", status)
                if status >= SERVER_ERROR:
                    failed(span, str(status), "")
            await send(message)

        with current(span), ending(span):
            await self._app(scope, receive, noting)
            if route := scope.get("path_template"):
                span.update_name(f"POST {route}")
                span.set_attribute("http.route", route)
