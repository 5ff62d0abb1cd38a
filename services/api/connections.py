"""Limits of connections: how many there are at once, and how long one may take to ask.

uvicorn's own limit answers without a problem body, and its connections may be silent for ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REFUSED = "connection_refused"
"""In the state of a request: its connection is one too many."""
ASK_SECONDS = 20.0
"""How long a client may take until a request's headers are complete."""
REFUSED_SECONDS = 2.0
NO_ANSWER = 2
"""So many times the limit, and connections are closed without an answer."""


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

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._asking = self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
