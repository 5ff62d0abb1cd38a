"""A trace goes on from message to message, and each file found begins one of its own."""

import asyncio

import pytest
from opentelemetry.trace import get_current_span

from services.adapters.tracing.settings import Sampling
from services.core.errors import SetAside
from services.core.events import FileFailed, ImportPaused, Message, Place
from services.core.ports import Received
from services.core.trace_context import TraceContext
from services.core.wire import Record
from tests.fakes.samples import NOW, a_file, a_request
from tests.fakes.tracing import ALL, FakeTracing, Published, context_of, error_of

pytestmark = pytest.mark.anyio
ASKED = TraceContext(0xABC, 0xDEF, True)
PAGE = a_request()
FAILED = FileFailed(
    import_id="import-1", file_id="file-1", reason="not_found", message="It is gone.", failed_at=NOW
)


class Handler:
    """Publishes these events for each message; fails if there is a reason."""

    def __init__(
        self, tracing: FakeTracing, *events: Message | Record, why: SetAside | None = None
    ) -> None:
        self.published = Published()
        self._publisher = tracing.publisher(self.published)
        self._events = events
        self._why = why

    async def handle(self, event: Message, received: Received) -> None:
        await self._publisher.publish(self._events)
        if self._why is not None:
            raise self._why

    async def set_aside(self, event: Message, received: Received, why: SetAside) -> None:
        await self._publisher.publish(self._events)


def received(traceparent: bytes) -> Received:
    place = Place(topic="imports.pages", partition=3, offset=17)
    return Received(place=place, traceparent=traceparent)


async def handled(
    tracing: FakeTracing, *events: Message | Record, header: bytes | None = None
) -> list[TraceContext | None]:
    """The traces of what is published while a page is handled."""
    handler = Handler(tracing, *events)
    header = ASKED.encoded() if header is None else header
    await tracing.handler(handler).handle(PAGE, received(header))
    assert not get_current_span().get_span_context().is_valid
    return handler.published.contexts


async def test_what_follows_from_a_message_belongs_to_its_trace() -> None:
    tracing = FakeTracing()
    [context] = await handled(tracing, PAGE)
    [process], [send] = tracing.spans("process imports.pages"), tracing.spans("send imports.pages")
    assert process.parent is not None
    assert (process.parent.trace_id, process.parent.span_id) == (ASKED.trace_id, ASKED.span_id)
    assert send.parent == process.get_span_context()
    assert context == TraceContext(ASKED.trace_id, context_of(send).span_id, True)
    assert (
        dict(process.attributes or {})
        | {
            "messaging.system": "kafka",
            "messaging.destination.name": "imports.pages",
            "messaging.destination.partition.id": "3",
            "messaging.kafka.offset": 17,
            "drivestream.import.id": "import-1",
        }
        == process.attributes
    )


async def test_each_file_begins_a_trace_that_is_linked_to_the_import_s() -> None:
    tracing = FakeTracing()
    contexts = await handled(tracing, a_file(file_id="a"), a_file(file_id="b"), PAGE)
    created, [process] = tracing.spans("create files.found"), tracing.spans("process imports.pages")
    [send] = tracing.spans("send files.found")
    traces = [context_of(span) for span in created]
    assert [(c and c.trace_id, c and c.span_id) for c in contexts] == [
        *((each.trace_id, each.span_id) for each in traces),
        (ASKED.trace_id, context_of(send).span_id),
    ]
    assert len({ASKED.trace_id, *(each.trace_id for each in traces)}) == 3
    assert all(span.parent is None for span in created)
    links = [[link.context for link in span.links] for span in created]
    assert links == [[context_of(process)]] * 2
    assert [link.context for link in send.links] == traces


async def test_files_are_sampled_by_ratio_once_and_their_records_say_so() -> None:
    tracing = FakeTracing(Sampling(ratio=0.1))
    contexts = await handled(tracing, *(a_file(file_id=f"file-{n}") for n in range(2000)))
    kept = {context.trace_id for context in contexts if context and context.sampled}
    assert len(contexts) == len(set(contexts)) == 2000
    assert None not in contexts
    assert {context_of(span).trace_id for span in tracing.spans("create files.found")} == kept
    assert 130 < len(kept) < 270  # five standard deviations
    [send] = tracing.spans("send files.found")
    assert len(send.links) == 128


@pytest.mark.parametrize("sampling", [ALL, Sampling(ratio=0.0)])
async def test_of_an_import_that_is_not_kept_no_file_is(sampling: Sampling) -> None:
    tracing, header = FakeTracing(sampling), ASKED._replace(sampled=False).encoded()
    file, page = await handled(tracing, a_file(), PAGE, header=header)
    assert file is not None
    assert not file.sampled
    assert file.trace_id != ASKED.trace_id
    assert page == ASKED._replace(sampled=False)
    assert tracing.spans() == []


@pytest.mark.parametrize("header", [b"", b"garbage", TraceContext(0, 0, True).encoded()])
async def test_what_comes_without_a_trace_begins_one(header: bytes) -> None:
    tracing = FakeTracing()
    [context] = await handled(tracing, PAGE, header=header)
    [process] = tracing.spans("process imports.pages")
    assert process.parent is None
    assert context is not None
    assert context.trace_id == context_of(process).trace_id


async def test_outside_a_trace_events_are_published_as_they_are() -> None:
    tracing, published = FakeTracing(), Published()
    await tracing.publisher(published).publish([PAGE, a_file()])
    assert published.events == [PAGE, a_file()]
    assert tracing.spans() == []


async def test_a_record_that_is_copied_keeps_its_own_trace() -> None:
    tracing = FakeTracing()
    own = TraceContext(1, 2, True)
    copy = Record(topic="files.found", key=b"", value=b"", headers=[("traceparent", own.encoded())])
    assert await handled(tracing, copy) == [own]


async def test_a_failure_that_is_published_is_that_of_the_work() -> None:
    tracing = FakeTracing()
    await handled(tracing, FAILED)
    [process] = tracing.spans("process imports.pages")
    assert error_of(process) == "not_found"
    assert process.status.description == "It is gone."
    assert [error_of(span) for span in tracing.spans("send files.failed")] == [None]


async def test_a_verdict_is_recorded_by_its_reason_and_what_is_set_aside_too() -> None:
    tracing, why = FakeTracing(), SetAside("worker_died", "It died each time.")
    handler = tracing.handler(Handler(tracing, why=why))
    with pytest.raises(SetAside):
        await handler.handle(PAGE, received(ASKED.encoded()))
    await handler.set_aside(PAGE, received(ASKED.encoded()), why)
    assert [(s.name, error_of(s)) for s in tracing.spans()] == [
        ("process imports.pages", "worker_died"),
        ("set aside imports.pages", "worker_died"),
    ]


async def test_work_that_is_cancelled_leaves_no_span_behind() -> None:
    tracing = FakeTracing()

    class Waits(Handler):
        async def handle(self, event: Message, received: Received) -> None:
            await asyncio.sleep(3600)

    task = asyncio.create_task(tracing.handler(Waits(tracing)).handle(PAGE, received(b"")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [process] = tracing.spans()
    assert process.end_time is not None


async def test_a_control_is_part_of_the_trace_of_its_request() -> None:
    tracing = FakeTracing()
    paused = ImportPaused(import_id="import-1", epoch=1, at=NOW)
    [context] = await handled(tracing, paused)
    assert context is not None
    assert context.trace_id == ASKED.trace_id
