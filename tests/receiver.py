"""A receiver of webhooks on a real port, which verifies each with the library of Standard Webhooks,
and answers as a test says: also never, with a redirect, or with a body that does not end."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfgh6Zx"
ENDLESS = 1024**3


@dataclass(frozen=True)
class Reply:
    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body_bytes: int = 0
    hangs: bool = False


@dataclass
class Receiver:
    """`reply` is asked for each request that is verified."""

    url: str = ""
    reply: Callable[[], Reply] = Reply
    secret: str = SECRET
    ids: list[str] = field(default_factory=list)
    said: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    body_sent: int = 0
    closing: Event = field(default_factory=Event)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        self.paths.append(path)
        try:
            self.said.append(Webhook(self.secret).verify(body, dict(headers)))
        except Exception as why:  # noqa: BLE001 - a test looks at what was refused
            self.refused.append(repr(why))
        self.ids.append(headers.get("webhook-id", ""))


class Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        """Take it, then answer."""
        receiver = self.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        reply = receiver.reply()
        if reply.hangs:
            receiver.closing.wait(30)
            return
        with suppress(OSError):  # the sender does not read it
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(reply.body_bytes))
            self.end_headers()
            while receiver.body_sent < reply.body_bytes:
                receiver.body_sent += self.wfile.write(bytes(64 * 1024))

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def receiving(reply: Callable[[], Reply] = Reply, path: str = "/hook") -> Iterator[Receiver]:
    receiver = Receiver(reply=reply)
    handler = type("OfOne", (Handler,), {"receiver": receiver})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        receiver.url = f"http://127.0.0.1:{server.server_port}{path}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.closing.set()
            server.shutdown()
            thread.join()
