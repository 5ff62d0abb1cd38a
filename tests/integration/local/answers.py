"""A tiny API that answers as a test says, and remembers what it was asked."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple


class Asked(NamedTuple):
    """One request; `key` is its Idempotency-Key."""

    request: str
    body: object
    key: str | None


class Prepared(NamedTuple):
    """One answer."""

    status: int
    document: object
    headers: Mapping[str, str]


@dataclass
class Answers:
    """Answers by request, such as `GET /imports/1`; the last one of a request is repeated."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    authorized: list[str | None] = field(default_factory=list)
    prepared: dict[str, list[Prepared]] = field(default_factory=lambda: defaultdict(list))

    def add(self, request: str, document: object, status: int = 200, **headers: str) -> None:
        """The next answer to this request; in the names of headers `_` is for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.prepared[request].append(Prepared(status, document, named))

    def refuse(self, request: str, status: int, code: str, detail: str) -> None:
        """A problem+json."""
        problem = {"type": f"/schema#{code}", "title": "No", "status": status}
        document = {**problem, "detail": detail, "code": code}
        self.add(request, document, status, Content_Type="application/problem+json")

    def take(self, asked: Asked) -> Prepared:
        """Note the request; its answer."""
        self.asked.append(asked)
        known = self.prepared[asked.request]
        assert known, f"nobody prepared {asked.request}"
        return known.pop(0) if len(known) > 1 else known[0]


@contextmanager
def answering() -> Iterator[Answers]:
    """Answers at a free port of this machine."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(
                f"{self.command} {self.path}",
                json.loads(body) if body else None,
                self.headers.get("Idempotency-Key"),
            )
            answers.authorized.append(self.headers.get("Authorization"))
            status, document, headers = answers.take(asked)
            text = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = _answer

        def log_message(self, format: str, *args: object) -> None:
            """The test knows what it asked."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        answers.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield answers
        finally:
            server.shutdown()
            thread.join()
