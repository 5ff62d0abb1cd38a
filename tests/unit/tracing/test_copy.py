"""The copy of a file as its spans tell it: each try to download and to upload is one."""

from msgspec.structs import replace

from services.core.errors import SetAside, TryAgain
from services.core.trace_context import TraceContext
from services.transfer.copier import WHOLE_BYTES, Copier
from services.transfer.service import Transfer
from tests.fakes.samples import RECEIVED
from tests.fakes.tracing import FakeTracing, Published, error_of
from tests.fakes.transferring import BODY, Transferring, an_adaptation, said_of
from tests.fakes.virtual_time import virtual_time

GET, PUT = "GET /drive/v3/files/{fileId}", "S3/PutObject"
ASKED = replace(RECEIVED, traceparent=TraceContext(0xABC, 0xDEF, True).encoded())
UNAVAILABLE = TryAgain("drive_unavailable", "Google Drive answers 503.")


async def spans_of(worker: Transferring) -> list[tuple[str, object]]:
    """Name and error of each span of one file, in the order in which they ended."""
    tracing, known = FakeTracing(service="transfer"), worker.copier
    copier = Copier(
        drive=tracing.files(known.drive),
        store=tracing.store(known.store),
        memory=known.memory,
        lines=known.lines,
        drive_calls=known.drive_calls,
        store_calls=known.store_calls,
        store_looks=known.store_looks,
    )
    publisher = tracing.publisher(Published())
    handler = tracing.handler(Transfer(copier, publisher, an_adaptation()))
    await handler.handle(worker.file, ASKED)
    worker.check_nothing_is_held()
    spans = tracing.spans()
    [process] = [span for span in spans if span.name == "process files.found"]
    assert process.get_span_context() is not None
    assert all(span.parent == process.get_span_context() for span in spans if span is not process)
    return [(span.name, error_of(span)) for span in spans]


@virtual_time
async def test_a_file_is_downloaded_and_put_and_its_outcome_sent() -> None:
    assert await spans_of(Transferring()) == [
        (GET, None),
        (PUT, None),
        ("send files.stored", None),
        ("process files.found", None),
    ]


@virtual_time
async def test_what_is_tried_again_shows_each_try_with_its_reason() -> None:
    worker = Transferring()
    worker.drive.open_troubles[worker.file.file_id].append(UNAVAILABLE)
    assert [span for span in await spans_of(worker) if span[0] in (GET, PUT)] == [
        (GET, "drive_unavailable"),
        (GET, None),
        (PUT, None),
    ]


@virtual_time
async def test_a_failed_file_names_its_reason() -> None:
    worker = Transferring()
    why = SetAside("not_permitted", "Its owner does not allow downloads.")
    worker.drive.open_troubles[worker.file.file_id].append(why)
    spans = await spans_of(worker)
    assert spans[0] == (GET, "not_permitted")
    assert spans[-1] == ("process files.found", "not_permitted")


@virtual_time
async def test_a_large_file_is_put_in_parts_while_it_is_downloaded() -> None:
    body = bytes(WHOLE_BYTES + 1)
    names = [name for name, _ in await spans_of(Transferring(body, said_of(body, "md5")))]
    assert names[:2] == ["S3/UploadPart", GET]


@virtual_time
async def test_a_trace_that_is_not_kept_has_no_spans() -> None:
    tracing, worker = FakeTracing(), Transferring(BODY)
    store = tracing.store(worker.store)
    await store.put("key", b"body", content_type="image/png")
    assert await store.find("key") is not None
    assert tracing.spans() == []
