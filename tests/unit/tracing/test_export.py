"""An exporter that is away never slows or stops anything, and what it costs is counted."""

import threading
import time
from collections.abc import Callable, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from services.adapters.tracing import export
from services.adapters.tracing.export import AT_ONCE, ExportMetrics, ExportQueue

SPAN = ReadableSpan("x")
LIMIT = 60.0


class Exporter:
    def __init__(self, answer: Callable[[], SpanExportResult]) -> None:
        self._answer = answer
        self.sizes: list[int] = []
        self.closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.sizes.append(len(spans))
        return self._answer()

    def shutdown(self) -> None:
        self.closed = True


def figures(queue: ExportQueue) -> dict[str, float]:
    [spans] = ExportMetrics(queue).collect()
    return {sample.labels["result"]: sample.value for sample in spans.samples}


def test_what_has_ended_is_sent_when_the_queue_is_closed() -> None:
    exporter = Exporter(lambda: SpanExportResult.SUCCESS)
    queue = ExportQueue(exporter)
    for _ in range(3):
        queue.on_end(SPAN)
    queue.shutdown()
    assert sum(exporter.sizes) == 3
    assert exporter.closed
    assert figures(queue) == {"exported": 3, "dropped": 0, "failed": 0}


def test_batches_are_bounded() -> None:
    exporter = Exporter(lambda: SpanExportResult.SUCCESS)
    queue = ExportQueue(exporter)
    for _ in range(3 * AT_ONCE):
        queue.on_end(SPAN)
    queue.shutdown()
    assert max(exporter.sizes) <= AT_ONCE
    assert queue.exported == 3 * AT_ONCE


def test_while_the_exporter_hangs_spans_wait_and_then_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "CLOSE_SECONDS", 0.1)
    begun, goes_on = threading.Event(), threading.Event()

    def hang() -> SpanExportResult:
        begun.set()
        goes_on.wait(LIMIT)
        return SpanExportResult.FAILURE

    queue = ExportQueue(Exporter(hang), most=1000)
    for _ in range(AT_ONCE):
        queue.on_end(SPAN)
    assert begun.wait(LIMIT)
    before = time.process_time()
    for _ in range(5_000):
        queue.on_end(SPAN)
    assert figures(queue) == {"exported": 0, "dropped": 4_000, "failed": 0}
    assert time.process_time() - before < 1.0
    since = time.monotonic()
    queue.shutdown()
    assert time.monotonic() - since < LIMIT / 2
    assert queue.dropped == 5_000
    goes_on.set()


@pytest.mark.parametrize("raises", [False, True])
def test_spans_that_nobody_takes_are_counted(raises: bool) -> None:
    def refuse() -> SpanExportResult:
        if raises:
            raise RuntimeError("odd")
        return SpanExportResult.FAILURE

    queue = ExportQueue(Exporter(refuse))
    queue.on_end(SPAN)
    queue.shutdown()
    assert figures(queue) == {"exported": 0, "dropped": 0, "failed": 1}


def test_after_the_end_spans_are_dropped() -> None:
    queue = ExportQueue(Exporter(lambda: SpanExportResult.SUCCESS))
    queue.shutdown()
    queue.on_end(SPAN)
    assert figures(queue) == {"exported": 0, "dropped": 1, "failed": 0}
