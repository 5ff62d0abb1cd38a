"""What is published and what is handled, by the semantic conventions of messaging and of Kafka.

The trace of an import goes on in every event that follows from it. A file found begins a trace of
its own, linked to the import's: a trace of a million files would help nobody.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from random import getrandbits, random

from opentelemetry.trace import Span, SpanContext, SpanKind, get_current_span

from services.adapters.tracing.port import PublishesRecords
from services.adapters.tracing.sampling import FILE_ID
from services.adapters.tracing.spans import (
    IMPORT_ID,
    ROOT,
    UNKEPT,
    Attributes,
    Spans,
    below,
    current,
    ending,
    failed,
    remote,
    traceparent,
)
from services.core.errors import SetAside
from services.core.events import (
    Event,
    FileFailed,
    FileFound,
    FileStored,
    FolderFailed,
    Message,
    ReplayFailed,
)
from services.core.ports import HandlesMessages, Received
from services.core.trace_context import TraceContext, parse_traceparent
from services.core.wire import Record, encode, event_id

Failure = FileFailed | FolderFailed | ReplayFailed


class TracedPublisher:
    """Outside a trace it publishes events as they are. `ratio`: the part of the files, found for an
    import that is kept, whose traces are kept. That is decided here, once."""

    def __init__(self, inner: PublishesRecords, spans: Spans, source: str, ratio: float) -> None:
        self._inner = inner
        self._spans = spans
        self._source = source
        self._ratio = ratio

    async def publish(self, events: Sequence[Message | Record]) -> None:
        asking = get_current_span()
        if header := UNKEPT.get():
            await self._inner.publish([self._record(event, header) for event in events])
        elif events and asking.get_span_context().is_valid:
            await self._publish(events, asking)
        else:
            await self._inner.publish(events)

    async def _publish(self, events: Sequence[Message | Record], asking: Span) -> None:
        for event in events:
            if isinstance(event, Failure):
                failed(asking, event.reason, event.message)
        begun = {
            number: self._begun(event, asking)
            for number, event in enumerate(events)
            if isinstance(event, FileFound) and asking.is_recording() and random() < self._ratio
        }
        sending = self._sending(events, asking, [*begun.values()])
        header = traceparent(sending.get_span_context())
        records = [
            self._record(event, header, begun.get(number)) for number, event in enumerate(events)
        ]
        with ending(sending):
            await self._inner.publish(records)

    def _sending(
        self, events: Sequence[Message | Record], asking: Span, begun: Sequence[SpanContext]
    ) -> Span:
        """A span only if this trace is kept."""
        if not asking.is_recording():
            return asking
        topics = sorted({event.topic for event in events})
        about = _messaging(" ".join(topics), "send")
        if len(events) == 1:
            about |= _of_event(events[0])
        else:
            about["messaging.batch.message_count"] = len(events)
        return self._spans.start(f"send {topics[0]}", SpanKind.PRODUCER, about, links=begun)

    def _begun(self, event: FileFound, asking: Span) -> SpanContext:
        """Where the trace of a file begins."""
        about = _messaging(event.topic, "create") | _of_event(event)
        links = [asking.get_span_context()]
        span = self._spans.start(f"create {event.topic}", SpanKind.PRODUCER, about, ROOT, links)
        span.end()
        return span.get_span_context()

    def _record(
        self, event: Message | Record, header: bytes, begun: SpanContext | None = None
    ) -> Record:
        """A record that is published as it is keeps the trace that it has."""
        if isinstance(event, Record):
            return event
        if begun is not None:
            header = traceparent(begun)
        elif isinstance(event, FileFound):
            header = TraceContext(getrandbits(128) | 1, getrandbits(64) | 1, False).encoded()
        return encode(event, source=self._source, traceparent=header)


class TracedHandler:
    """Each try to handle a message is a span. Of a trace that is not kept, only the name goes on.
    What comes without a trace begins one."""

    def __init__(self, inner: HandlesMessages, spans: Spans) -> None:
        self._inner = inner
        self._spans = spans

    async def handle(self, event: Message, received: Received) -> None:
        with self._entered("process", event, received):
            await self._inner.handle(event, received)

    async def set_aside(self, event: Message, received: Received, why: SetAside) -> None:
        with self._entered("set aside", event, received):
            failed(get_current_span(), why.reason, why.message)
            await self._inner.set_aside(event, received, why)

    def _entered(
        self, verb: str, event: Message, received: Received
    ) -> AbstractContextManager[None]:
        context = parse_traceparent(received.traceparent)
        if context is not None and not context.sampled:
            return _Unkept(received.traceparent)
        return _in_span(self._span(verb, event, received))

    def _span(self, verb: str, event: Message, received: Received) -> Span:
        place = received.place
        about = _messaging(place.topic, "process") | _of_event(event)
        about["messaging.destination.partition.id"] = str(place.partition)
        about["messaging.kafka.offset"] = place.offset
        about["drivestream.redelivered"] = received.redelivered
        parent = below(remote(received.traceparent))
        return self._spans.start(f"{verb} {place.topic}", SpanKind.CONSUMER, about, parent)


@contextmanager
def _in_span(span: Span) -> Iterator[None]:
    with current(span), ending(span):
        yield


class _Unkept:
    """Only the name of the trace goes on."""

    def __init__(self, traceparent: bytes) -> None:
        self._traceparent = traceparent

    def __enter__(self) -> None:
        self._token = UNKEPT.set(self._traceparent)

    def __exit__(self, *_why: object) -> None:
        UNKEPT.reset(self._token)


def _messaging(topic: str, operation: str) -> Attributes:
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }


def _of_event(event: Message | Record) -> Attributes:
    about: Attributes = {}
    if isinstance(event, Event):
        about[IMPORT_ID] = event.import_id
        about["messaging.message.id"] = event_id(event)
        about["drivestream.event.type"] = type(event).__name__
    if isinstance(event, FileFound | FileStored | FileFailed):
        about[FILE_ID] = event.subject
    return about
