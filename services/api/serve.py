"""uvicorn on uvloop and httptools: listen, serve, and stop within a few seconds when told to."""

import asyncio
import logging
import signal
import socket

import structlog
import uvicorn
from litestar.types import ASGIApp

GRACE_SECONDS = 3
KEEP_ALIVE_SECONDS = 20

log = structlog.get_logger()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; raises OSError if the address is taken or not ours."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    return socket.create_server(address[:2], family=family, backlog=1024)


async def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; what is under way has `GRACE_SECONDS` to end."""
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
    # uvicorn raises the signal again once it has stopped, which would make a good end a bad one.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    host, port = listener.getsockname()[:2]
    log.info("api.listening", host=host, port=port)
    await uvicorn.Server(config).serve([listener])
    await asyncio.sleep(0)
    log.info("api.stopped")


class _ToStructlog(logging.Handler):
    """What uvicorn and asyncio log, as lines like ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `logging`."""
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
