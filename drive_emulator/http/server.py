"""The listeners: plain HTTP and, if asked for, TLS with a CONNECT proxy in front of it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from drive_emulator.http.connect_proxy import MAX_CONNECT_HEAD, ConnectProxy
from drive_emulator.http.messages import Asgi

MAX_HEAD = 512 * 1024  # bytes; the longest `q`, percent-encoded, is 192 KB
REQUEST_TIMEOUT_S = 120.0  # from connecting, or from a request's first byte, to its last
_SHUTDOWN_S = 1  # for requests that are still being answered
_CANCEL_AFTER_S = 0.1  # time for handlers to notice that their connection was cut
_TOO_LONG = b"HTTP/1.1 431 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True)
class TlsListeners:
    """The TLS listener, and the proxy's if there is one. `ca` is the certificate to trust."""

    listener: socket.socket
    context: ssl.SSLContext
    ca: Path
    universe: str
    proxy: socket.socket | None = None


def url(scheme: str, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class Server:
    """Serves one application over HTTP and, with `tls`, another over TLS, until it is stopped."""

    def __init__(
        self, app: Asgi, listener: socket.socket, tls_app: Asgi, tls: TlsListeners | None
    ) -> None:
        self._tls = tls
        self._servers = [(_server(app), listener)]
        if tls is not None:
            self._servers.append((_server(tls_app, tls.context), tls.listener))

    def stop(self, number: int, frame: FrameType | None) -> None:
        """A signal handler: give open requests a second to finish, then stop."""
        for server, _ in self._servers:
            server.handle_exit(number, frame)

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with self._proxy(), asyncio.TaskGroup() as group:
            for server, listener in self._servers:
                group.create_task(server.serve(sockets=[listener]))

    @asynccontextmanager
    async def _proxy(self) -> AsyncIterator[None]:
        if self._tls is None or self._tls.proxy is None:
            yield
            return
        host, port = self._tls.listener.getsockname()[:2]
        proxy = ConnectProxy(lambda: asyncio.open_connection(host, port), self._tls.universe)
        tasks: set[asyncio.Task[None]] = set()

        # asyncio's own connection tasks would each print a traceback when they are cancelled.
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(proxy.serve(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, sock=self._tls.proxy, limit=MAX_CONNECT_HEAD)
        try:
            yield
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP connection, with limits on the size of a head and the time of a request.

    uvicorn leaves both to a server in front of it: an endless head would take all memory, and a
    client that sends half a request would keep its connection for ever.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._in_request = True
        self._head_size = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._in_request = False
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_size += len(data)
        super().data_received(data)
        if self._head_size > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()
        self._set_deadline()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._in_request = True

    def on_headers_complete(self) -> None:
        self._in_head, self._head_size = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._in_request = True, False

    def _set_deadline(self) -> None:
        """Keep a timer while a request is incomplete. Most arrive whole and never need one."""
        if not self._in_request and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif self._in_request and self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_TIMEOUT_S, self._time_out)

    def _time_out(self) -> None:
        if self.transport is not None:  # it is None if the TLS handshake failed
            self.transport.close()


class _UvicornServer(uvicorn.Server):
    """uvicorn's server, which exits normally after a signal and cuts idle clients off quietly."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: `main` has installed its handlers before anybody could send a signal."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down; abort connections that are still open after a second.

        Most TLS clients never answer the closing handshake; without this, each would be logged.
        """
        end = asyncio.get_running_loop().call_later(_SHUTDOWN_S, self._abort_connections)
        await super().shutdown(sockets)
        end.cancel()

    def _abort_connections(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        asyncio.get_running_loop().call_later(_CANCEL_AFTER_S, self._cancel_tasks)

    def _cancel_tasks(self) -> None:
        for task in self.server_state.tasks:
            task.cancel()


def _server(app: Asgi, context: ssl.SSLContext | None = None) -> _UvicornServer:
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=240,
        timeout_graceful_shutdown=_SHUTDOWN_S + 1,  # `_abort_connections` comes first
        ssl_context_factory=None if context is None else lambda *_: context,
    )
    return _UvicornServer(config)
