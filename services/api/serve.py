"""uvicorn on uvloop and httptools: listen, serve, and stop within a few seconds when told to."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from litestar.types import ASGIApp

from services.core.errors import Stop

GRACE_SECONDS = 3
KEEP_ALIVE_SECONDS = 20
log = structlog.get_logger()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; raises `Stop` if the address is taken or not ours."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as why:
        message = f"The API cannot listen at {host}, port {port}: {why.strerror}."
        raise Stop("cannot_listen", message) from why


async def serve(app: ASGIApp, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until the event. Requests in progress then have `GRACE_SECONDS` to end."""
    logging.basicConfig(level=logging.WARNING, handlers=[_ToStructlog()], force=True)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    host, port = listener.getsockname()[:2]
    log.info("api.listening", host=host, port=port)
    await _Server(config, stop).serve([listener])


class _Server(uvicorn.Server):
    """Stops at an event. Signals are left to `adapters/process.py`: uvicorn raises each again after
    it has stopped, so the process would exit with an error."""

    def __init__(self, config: uvicorn.Config, stop: asyncio.Event) -> None:
        super().__init__(config)
        self._stop = stop

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.is_set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _ToStructlog(logging.Handler):
    """Turns what uvicorn and asyncio log into lines like ours."""

    def emit(self, record: logging.LogRecord) -> None:
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
