"""A receiver of OTLP over HTTP on a real port: it parses what it is sent, and keeps the spans."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

OK, ERROR = 1, 2


@dataclass(frozen=True, kw_only=True)
class SentSpan:
    """Ids in hex. `links` are pairs of trace id and span id."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    links: tuple[tuple[str, str], ...]
    attributes: dict[str, Any] = field(repr=False)

    @property
    def context(self) -> tuple[str, str]:
        return self.trace_id, self.span_id


@dataclass
class Collector:
    url: str = ""
    paths: set[str] = field(default_factory=set)
    spans: list[SentSpan] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Raises for whatever is no OTLP."""
        request = ExportTraceServiceRequest.FromString(body)
        self.paths.add(path)
        for of_resource in request.resource_spans:
            service = _plain(of_resource.resource.attributes)["service.name"]
            for of_scope in of_resource.scope_spans:
                self.spans += [_sent(service, span) for span in of_scope.spans]

    def named(self, name: str, service: str = "") -> list[SentSpan]:
        found = [span for span in self.spans if span.name == name]
        return [span for span in found if not service or span.service == service]

    def children(self, of: SentSpan) -> list[SentSpan]:
        return [s for s in self.spans if (s.trace_id, s.parent_id) == of.context]


def _sent(service: str, span: Any) -> SentSpan:
    return SentSpan(
        service=service,
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        failed=span.status.code == ERROR,
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        attributes=_plain(span.attributes),
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


class Handler(BaseHTTPRequestHandler):
    collector: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        self.collector.take(self.path, body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    handler = type("OfOne", (Handler,), {"collector": collector})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
