"""uvicorn, with a socket of our own, an end that is told by an event, and no patience with clients
that do not read."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import uvicorn
from litestar.types import ASGIApp
from uvicorn.protocols.http.flow_control import FlowControl

from services.api.connections import Connection
from services.core.errors import Stop

UNSENT_BYTES = 64 * 1024


def listener_on(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as why:
        message = f"The API cannot listen on {host}, port {port}: {why.strerror}."
        raise Stop("cannot_listen", message) from why
    # Each connection inherits it. For a client that does not read, the system would keep megabytes.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listener


class _Flow(FlowControl):
    """Whoever waits for a client to read may give up (`Boundary`), and the response is then cut off
    in the middle. uvicorn closes the connection, but only once the client has read the rest."""

    async def drain(self) -> None:
        try:
            await super().drain()
        except asyncio.CancelledError:
            self._transport.abort()
            raise


class _Connection(Connection):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport)


class Server(uvicorn.Server):
    """Stops at an event. Signals are left to `adapters/process.py`: uvicorn raises each again after
    it has stopped, so the process would exit with an error."""

    def __init__(self, app: ASGIApp, stop: asyncio.Event, connections: int) -> None:
        config = uvicorn.Config(
            app,
            http=cast(type[asyncio.Protocol], partial(_Connection, most=connections)),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,  # seconds that requests in progress have to end
            timeout_keep_alive=20,
        )
        super().__init__(config)
        self._stop = stop

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.is_set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
