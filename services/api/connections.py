"""Limits of connections: how many there are at once, and how long one may take to ask.

uvicorn's own limit answers without a problem body, and its connections may be silent for ever.
"""

import asyncio
import resource
from contextlib import suppress
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.api.problems import plain_problem

REFUSED = "connection_refused"
"""In the state of a request: its connection is one too many."""
ASK_SECONDS = 20.0
"""How long a client may take until a request's headers are complete."""
REFUSED_SECONDS = 2.0
NO_ANSWER = 2
"""So many times the limit, and connections are closed without an answer."""
OTHER_FILES = 256
"""Files that the rest of the process may open: to Kafka, the database and the store."""
log = structlog.get_logger()


def allow_open_files(connections: int) -> None:
    """Raise the process's own limit of open files where it would be met before ours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = NO_ANSWER * connections + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with suppress(ValueError, OSError):  # the system may have a limit below the hard one
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft < needed:
        log.warning("api.few_open_files", limit=soft, needed=needed, setting="API_CONNECTIONS")


class Connection(HttpToolsProtocol):
    """Those beyond the limit may ask once, so that they are told why they are refused."""

    def __init__(self, *args: Any, most: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most = most
        self._asking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        patience = ASK_SECONDS
        if len(self.connections) > NO_ANSWER * self._most:
            transport.close()
            return
        if len(self.connections) > self._most:
            self.app_state = {**self.app_state, REFUSED: True}
            patience = REFUSED_SECONDS
        self._wait(patience)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._asking is None:  # the first request began with the connection
            self._wait(ASK_SECONDS)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """For what no request is made of, such as one with a method that does not exist."""
        body = plain_problem(
            "bad_request",
            "This is not a valid HTTP/1.1 request. Its method may not exist, or a header may be "
            "broken.",
        )
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._asking = self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
