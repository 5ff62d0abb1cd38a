"""Spans, as our wrappers make them: what a span says of a verdict, and of an event."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import Tracer
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from services.core.errors import Verdict
from services.core.trace_context import TraceContext, parse_traceparent

Attributes = dict[str, str | int | bool]
UNKEPT = ContextVar("unkept", default=b"")
"""The `traceparent` of what is done for a trace that is not kept. Most files have such a trace, so
it must cost less than spans that nobody sees."""
ROOT = Context()
"""Of a span that begins a trace."""
MOST_LINKS = 128
"""Of one span, as OpenTelemetry's default for `OTEL_SPAN_LINK_COUNT_LIMIT`."""
LONGEST_MESSAGE = 300
ERROR_TYPE = "error.type"
IMPORT_ID = "drivestream.import.id"


class Spans:
    """Spans of one process."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        parent: Context | None = None,
        links: Sequence[SpanContext] = (),
    ) -> Span:
        """To be ended by the caller. Without `parent`, a child of the current span."""
        made = [Link(context) for context in links[:MOST_LINKS]]
        return self._tracer.start_span(name, parent, kind, attributes, made)

    def finished(
        self, name: str, attributes: Attributes, parent: Context, link: Link, began: int
    ) -> None:
        """A span that lasted from `began` (in nanoseconds since the epoch) until now."""
        self._tracer.start_span(
            name, parent, SpanKind.CONSUMER, attributes, [link], start_time=began
        ).end()

    def call(self, name: str, attributes: Attributes) -> AbstractContextManager[Span]:
        """A call to an outside system. It never is the current span, so it may be entered and left
        in different tasks."""
        return self._call(name, attributes) if is_kept() else NO_SPAN

    @contextmanager
    def _call(self, name: str, attributes: Attributes) -> Iterator[Span]:
        span = self.start(name, SpanKind.CLIENT, attributes)
        with ending(span):
            yield span


def is_kept() -> bool:
    """Whether what is done now is part of a trace that is kept."""
    return get_current_span().is_recording()


class _NoSpan:
    """It can be entered again and again, which costs less than a generator each time."""

    def __enter__(self) -> Span:
        return INVALID_SPAN

    def __exit__(self, *_why: object) -> None:
        return None


NO_SPAN = _NoSpan()


@contextmanager
def ending(span: Span) -> Iterator[None]:
    """Ends the span with the block, and tells of its error."""
    try:
        yield
    except Exception as why:
        failed(span, *of_error(why))
        raise
    finally:
        span.end()


@contextmanager
def current(span: Span) -> Iterator[None]:
    """The span is that of all that the block does."""
    token = attach(set_span_in_context(span))
    try:
        yield
    finally:
        detach(token)


def failed(span: Span, reason: str, message: str) -> None:
    """`reason` is a reason code of ours, or the name of an exception."""
    if span.is_recording():
        span.set_attribute(ERROR_TYPE, reason)
        span.set_status(Status(StatusCode.ERROR, message[:LONGEST_MESSAGE]))


def of_error(why: Exception) -> tuple[str, str]:
    if isinstance(why, Verdict):
        return why.reason, why.message
    return type(why).__name__, ""


def remote(header: bytes) -> SpanContext | None:
    """The span that a `traceparent` names; None if it is none."""
    found = parse_traceparent(header)
    if found is None:
        return None
    flags = TraceFlags(TraceFlags.SAMPLED if found.sampled else TraceFlags.DEFAULT)
    return SpanContext(found.trace_id, found.span_id, is_remote=True, trace_flags=flags)


def traceparent(context: SpanContext) -> bytes:
    sampled = bool(context.trace_flags.sampled)
    return TraceContext(context.trace_id, context.span_id, sampled).encoded()


def below(parent: SpanContext | None) -> Context:
    """For a child of `parent`, or, without one, for a span that begins a trace."""
    return ROOT if parent is None else set_span_in_context(NonRecordingSpan(parent), ROOT)
