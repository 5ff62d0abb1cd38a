"""`/health/live` and `/health/ready` of a worker, beside its figures.

Both ask the event loop, on which all work runs: a process whose loop hangs still answers HTTP, from
a thread of its own.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from services.core.events import WorkerStatus

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

LOOP_SECONDS = 4.0
STANDBY = "standby"
"""The reason of a worker that waits because another one does the work: all is well."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """`trouble` and `look` are called on any thread. Sentences are empty while all is well.
    `lacks` says what cannot work for want of a setting, beside all that works."""

    loop: asyncio.AbstractEventLoop | None
    trouble: Callable[[], str] = lambda: ""
    look: Callable[[], WorkerStatus] | None = None
    lacks: str = ""

    def live(self) -> str:
        """Why the process should be replaced."""
        return self.trouble() or self._hangs()

    def ready(self) -> str:
        """Why it cannot work now: that, or what it waits for."""
        if why := self.live():
            return why
        waiting = None if self.look is None else self.look().waiting_for
        return waiting.message if waiting is not None and waiting.reason != STANDBY else ""

    def _hangs(self) -> str:
        if self.loop is None:
            return ""
        answered = threading.Event()
        self.loop.call_soon_threadsafe(answered.set)
        if answered.wait(LOOP_SECONDS):
            return ""
        return f"The event loop has not answered for {LOOP_SECONDS:.0f} seconds."


def with_health(figures: "WSGIApplication", health: Health) -> "WSGIApplication":
    """Answer for the two paths, with 503 and the sentence if there is one, and leave the rest."""
    ready = f"ready\n{health.lacks}".strip()
    paths = {"/health/live": (health.live, "alive"), "/health/ready": (health.ready, ready)}

    def answer(request: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path = request.get("PATH_INFO")
        if path not in paths:
            return figures(request, start)
        ask, well = paths[path]
        why = ask()
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        start("503 Service Unavailable" if why else "200 OK", headers)
        return [f"{why or well}\n".encode()]

    return answer


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: it is asked every few seconds."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


def serve(host: str, port: int, app: "WSGIApplication") -> WSGIServer:
    """On a thread of its own, until it is shut down. prometheus_client's own server would answer
    for a moment before it has this application, and 200 to every path. Raises `OSError`."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    kind = _Server6 if family == socket.AF_INET6 else _Server
    server = make_server(host, port, app, server_class=kind, handler_class=_Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
