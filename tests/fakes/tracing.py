"""Tracing whose spans stay in memory."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanContext, StatusCode

from services.adapters.tracing.exported import ExportedTracing
from services.adapters.tracing.settings import Sampling, TracingSettings
from services.core.events import Message
from services.core.trace_context import TraceContext, parse_traceparent
from services.core.wire import Record

ALL = Sampling(ratio=1.0)


class Published:
    """`PublishesRecords`: keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[Message | Record] = []

    async def publish(self, events: Sequence[Message | Record]) -> None:
        self.events += events

    @property
    def contexts(self) -> list[TraceContext | None]:
        """Of each record, from its header."""
        records = [event for event in self.events if isinstance(event, Record)]
        return [parse_traceparent(dict(r.headers).get("traceparent", b"")) for r in records]


class KeptSpans:
    """An exporter that keeps what it is given."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.closed = True


class FakeTracing(ExportedTracing):
    def __init__(self, sampling: Sampling = ALL, service: str = "lister") -> None:
        self.kept = KeptSpans()
        settings = TracingSettings(endpoint="http://collector:4318", sampling=sampling)
        super().__init__(settings, service, self.kept)

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """Those that have ended, of this name. Closes it: nothing is traced any more."""
        self.close()
        return [span for span in self.kept.spans if name in ("", span.name)]


def context_of(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


def error_of(span: ReadableSpan) -> object:
    """The reason; None if it did not fail."""
    reason = (span.attributes or {}).get("error.type")
    assert (span.status.status_code is StatusCode.ERROR) == (reason is not None)
    return reason
