"""An HTTP proxy in front of a real store, which answers some requests itself: as stores do that
lack something, or as one does that has a bad moment."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from tests.fakes.s3_server import Answer

RESET, SILENT = Answer(0, "reset"), Answer(0, "silent")
"""No answer: the connection is closed at once, or after so long that nobody waits any more."""
SILENT_SECONDS = 4.0


@dataclass(frozen=True)
class Asked:
    """A request. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def part(self) -> int:
        """Which part of a large file it brings; 0 for every other request."""
        found = re.search(r"[?&]partNumber=(\d+)", self.path)
        return int(found[1]) if found and self.method == "PUT" else 0

    def has_checksum(self) -> bool:
        return any(name.startswith("x-amz-checksum-") for name in self.headers)


@dataclass
class StoreProxy:
    """`answer` says what is answered in place of the store, which does not hear of the request.
    `lose` does the same after the store has done what was asked."""

    store: str
    url: str = ""
    answer: Callable[[Asked], Answer | None] = lambda _asked: None
    lose: Callable[[Asked], Answer | None] = lambda _asked: None
    refused: list[Asked] = field(default_factory=list)
    passed: list[Asked] = field(default_factory=list)


@contextmanager
def store_proxy(endpoint_url: str) -> Iterator[StoreProxy]:
    """Listens until the block ends. Requests are passed on unchanged, so that they stay signed."""
    proxy = StoreProxy(store=urlsplit(endpoint_url).netloc)

    class Handler(_Handler):
        store = proxy

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    proxy.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield proxy
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: StoreProxy

    def handle_one_request(self) -> None:
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
        except OSError:  # whoever asked is gone
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers)
        instead = self.store.answer(asked)
        (self.store.passed if instead is None else self.store.refused).append(asked)
        if instead is None:
            self._pass_on(asked, body)
        elif instead in (RESET, SILENT):
            time.sleep(SILENT_SECONDS if instead is SILENT else 0.0)
            self.close_connection = True
        else:
            self._reply(instead.status, {}, instead.body)

    def _pass_on(self, asked: Asked, body: bytes) -> None:
        connection = HTTPConnection(self.store.store, timeout=60)
        try:
            connection.request(asked.method, asked.path, body, dict(asked.headers))
            said = connection.getresponse()
            answer, lost = said.read(), self.store.lose(asked)
        except (OSError, HTTPException):  # the store itself is away
            self.close_connection = True
            return
        finally:
            connection.close()
        if lost is None:
            self._reply(said.status, dict(said.getheaders()), answer)
        else:
            self._reply(lost.status, {}, lost.body)

    def _reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else len(body)
        self.send_header("content-length", str(length))
        try:
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # whoever asked is gone
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest's output is for tests."""
