"""uvicorn's HTTP connections, with the bounds that it leaves to a server in front of it.

A head without an end took as much memory as was sent, and a client that asked half, or nothing,
kept its connection for ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 512 * 1024  # bytes; the longest `q`, percent-encoded, is 192 KB
ASKING_S = 120.0  # from connecting, or from a request's first byte, to its last one
_TOO_LONG = b"HTTP/1.1 431 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHttpProtocol(HttpToolsProtocol):
    """A connection whose requests end, in time and in length."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._asking = True
        self._head = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._asking = False
        self._watch()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._head > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()
        self._watch()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._asking = True

    def on_headers_complete(self) -> None:
        self._in_head, self._head = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._asking = True, False

    def _watch(self) -> None:
        """Have a deadline while a request comes in; most have come whole before there is one."""
        if not self._asking and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif self._asking and self._deadline is None:
            self._deadline = self.loop.call_later(ASKING_S, self._late)

    def _late(self) -> None:
        if self.transport is not None:  # as it is where TLS was never agreed on
            self.transport.close()
