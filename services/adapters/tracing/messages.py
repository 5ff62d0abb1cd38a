"""What is published and what is handled, by the semantic conventions of messaging and of Kafka.

The trace of an import goes on in every event that follows from it. A file found begins a trace of
its own, linked to the import's: a trace of a million files would help nobody.
"""

from collections.abc import Sequence

from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    get_current_span,
)

from services.adapters.tracing.port import PublishesRecords
from services.adapters.tracing.sampling import FILE_ID
from services.adapters.tracing.spans import (
    IMPORT_ID,
    ROOT,
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
from services.core.wire import Record, encode, event_id

Failure = FileFailed | FolderFailed | ReplayFailed


class TracedPublisher:
    """Outside a trace it publishes events as they are."""

    def __init__(self, inner: PublishesRecords, spans: Spans, source: str) -> None:
        self._inner = inner
        self._spans = spans
        self._source = source

    async def publish(self, events: Sequence[Message | Record]) -> None:
        asking = get_current_span()
        if not events or not asking.get_span_context().is_valid:
            await self._inner.publish(events)
            return
        for event in events:
            if isinstance(event, Failure):
                failed(asking, event.reason, event.message)
        begun = {
            number: self._begun(event, asking)
            for number, event in enumerate(events)
            if isinstance(event, FileFound)
        }
        sending = self._sending(events, asking, [*begun.values()])
        header = traceparent(sending.get_span_context())
        records = [
            self._record(event, traceparent(begun[number]) if number in begun else header)
            for number, event in enumerate(events)
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
        kept = [context for context in begun if context.trace_flags.sampled]
        return self._spans.start(f"send {topics[0]}", SpanKind.PRODUCER, about, links=kept)

    def _begun(self, event: FileFound, asking: Span) -> SpanContext:
        """Where the trace of a file begins."""
        links = [asking.get_span_context()]
        about: Attributes = {FILE_ID: event.subject}
        span = self._spans.start(f"create {event.topic}", SpanKind.PRODUCER, about, ROOT, links)
        if span.is_recording():  # few are
            span.set_attributes(_messaging(event.topic, "create") | _of_event(event))
            span.end()
        return span.get_span_context()

    def _record(self, event: Message | Record, header: bytes) -> Record:
        """A record that is published as it is keeps the trace that it has."""
        if isinstance(event, Record):
            return event
        return encode(event, source=self._source, traceparent=header)


class TracedHandler:
    """Each try to handle a message is a span. Of a trace that is not kept, only the name goes on.
    What comes without a trace begins one."""

    def __init__(self, inner: HandlesMessages, spans: Spans) -> None:
        self._inner = inner
        self._spans = spans

    async def handle(self, event: Message, received: Received) -> None:
        span = self._span("process", event, received)
        with current(span), ending(span):
            await self._inner.handle(event, received)

    async def set_aside(self, event: Message, received: Received, why: SetAside) -> None:
        span = self._span("set aside", event, received)
        failed(span, why.reason, why.message)
        with current(span), ending(span):
            await self._inner.set_aside(event, received, why)

    def _span(self, verb: str, event: Message, received: Received) -> Span:
        parent = remote(received.traceparent)
        if parent is not None and not parent.trace_flags.sampled:
            return NonRecordingSpan(parent)
        place = received.place
        about = _messaging(place.topic, "process") | _of_event(event)
        about["messaging.destination.partition.id"] = str(place.partition)
        about["messaging.kafka.offset"] = place.offset
        about["drivestream.redelivered"] = received.redelivered
        name = f"{verb} {place.topic}"
        return self._spans.start(name, SpanKind.CONSUMER, about, below(parent))


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
