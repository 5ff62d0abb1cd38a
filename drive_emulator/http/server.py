"""The listeners: plain HTTP, and beside it, where it is asked for, TLS and the proxy before it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
import uvloop

from drive_emulator.http.connect_proxy import MAX_HEAD, ConnectProxy, Reads, Writes
from drive_emulator.http.connections import BoundedHttpProtocol
from drive_emulator.http.messages import Asgi, Receive, Request, Scope, Send, send_json

_BACKLOG = 2048
_PATIENCE_S = 1  # for requests that are still being answered when it is told to stop
_NOTICED_S = 0.1  # until handlers know that their connection was cut


@dataclass(frozen=True)
class TlsListeners:
    """What TLS needs, and the proxy's socket if there is a proxy. `ca` is the file to trust."""

    listener: socket.socket
    context: ssl.SSLContext
    ca: Path
    universe: str
    proxy: socket.socket | None = None


def listen(host: str, port: int) -> socket.socket:
    """An open listener; port 0 takes a free one. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def url(scheme: str, listener: socket.socket) -> str:
    """Where a listener is."""
    host, port = listener.getsockname()[:2]
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}:{port}"


class Listeners:
    """One application on all its listeners, until it is told to stop."""

    def __init__(
        self, app: Asgi, listener: socket.socket, tls_listeners: TlsListeners | None = None
    ) -> None:
        self._secured = tls_listeners
        self._servers = [(_server(app), listener)]
        if tls_listeners is not None:
            self._servers.append(
                (_server(WithoutControlApi(app), tls_listeners.context), tls_listeners.listener)
            )

    def stop(self, number: int, frame: FrameType | None) -> None:
        """A signal's handler: finish what is being answered, within a second, and end."""
        for server, _ in self._servers:
            server.handle_exit(number, frame)

    def run(self) -> None:
        """Serve until stopped."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with self._proxy(), asyncio.TaskGroup() as group:
            for server, listener in self._servers:
                group.create_task(server.serve(sockets=[listener]))

    @asynccontextmanager
    async def _proxy(self) -> AsyncIterator[None]:
        if self._secured is None or self._secured.proxy is None:
            yield
            return
        host, port = self._secured.listener.getsockname()[:2]

        async def connect() -> tuple[Reads, Writes]:
            return await asyncio.open_connection(host, port)

        tunnels = ConnectProxy(connect, self._secured.universe)
        serving: set[asyncio.Task[None]] = set()

        # Tasks of our own: asyncio's would print a traceback for each that is ended by us.
        def begin(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(tunnels.serve(client, to_client))
            serving.add(task)
            task.add_done_callback(serving.discard)

        proxy = await asyncio.start_server(begin, sock=self._secured.proxy, limit=MAX_HEAD)
        try:
            yield
        finally:
            proxy.close()
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)


class WithoutControlApi:
    """The application as it is under Google's names: without the emulator's own addresses."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/_emu"):
            request = Request(scope["method"], scope["path"], {}, scope["headers"])
            told = {"error": "the emulator's own addresses are on its plain HTTP port alone"}
            await send_json(send, request, told, 404)
            return
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """uvicorn's, but a signal to stop is an order carried out, not one to die of afterwards."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing to do: `main` has had the signals since before anybody could send one."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, and whoever has not hung up when patience ends is cut off, silently.

        Most clients of TLS never answer its good-bye; without this each would be an error.
        """
        end = asyncio.get_running_loop().call_later(_PATIENCE_S, self._cut_off)
        await super().shutdown(sockets)
        end.cancel()

    def _cut_off(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        asyncio.get_running_loop().call_later(_NOTICED_S, self._cancel)

    def _cancel(self) -> None:
        for task in self.server_state.tasks:
            task.cancel()


def _server(app: Asgi, context: ssl.SSLContext | None = None) -> _Server:
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
        timeout_graceful_shutdown=_PATIENCE_S + 1,  # it cuts off by itself before
        ssl_context_factory=None if context is None else lambda *_: context,
    )
    return _Server(config)
