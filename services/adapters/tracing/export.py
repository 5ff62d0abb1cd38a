"""The way of spans out of the process: a bounded queue, and a thread that sends them.

Not the SDK's `BatchSpanProcessor`: it writes a line for each span that finds no room, and counts
none of them. An import must not notice that nobody takes its spans.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import structlog
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExportResult
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

MOST_WAITING = 8192
"""Spans. One takes some 3 kB."""
AT_ONCE = 512
EVERY_SECONDS = 1.0
SAID_AGAIN = 60
"""Exports that fail in a row for each line of the log."""
CLOSE_SECONDS = 3.0
log = structlog.get_logger("tracing")


class Exports(Protocol):
    """An exporter of the SDK. `export` may block, for as long as its own timeout, and may raise."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult: ...
    def shutdown(self) -> None: ...


class ExportQueue(SpanProcessor):
    """Takes spans on any thread, and never waits. Those that find no room are dropped."""

    def __init__(self, exporter: Exports, *, most: int = MOST_WAITING) -> None:
        self._exporter = exporter
        self._most = most
        self._waiting: deque[ReadableSpan] = deque()
        self._filled = threading.Event()
        self._closing = threading.Event()
        self._failures = 0
        self.exported = self.dropped = self.failed = 0
        self._thread = threading.Thread(target=self._run, name="trace-export", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        if len(self._waiting) >= self._most or self._closing.is_set():
            self.dropped += 1
            return
        self._waiting.append(span)
        if len(self._waiting) >= AT_ONCE:
            self._filled.set()

    def shutdown(self) -> None:
        """Send what waits, for `CLOSE_SECONDS` at most."""
        self._closing.set()
        self._filled.set()
        self._thread.join(CLOSE_SECONDS)
        self._exporter.shutdown()
        self.dropped += len(self._waiting)
        self._waiting.clear()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """The thread sends in a second by itself."""
        return not self._waiting

    def _run(self) -> None:
        while not self._closing.is_set():
            self._filled.wait(EVERY_SECONDS)
            self._filled.clear()
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            if self._sent(batch):
                self.exported += len(batch)
                self._failures = 0
                continue
            self.failed += len(batch)
            if self._failures % SAID_AGAIN == 0:
                log.warning("tracing.not_exported", spans=len(batch), failed=self.failed)
            self._failures += 1
            return

    def _sent(self, batch: Sequence[ReadableSpan]) -> bool:
        try:
            return self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception as why:  # noqa: BLE001 - whatever it is, the thread must go on
            log.warning("tracing.exporter_failed", error=type(why).__name__)
            return False


class ExportMetrics(Collector):
    def __init__(self, queue: ExportQueue) -> None:
        self._queue = queue

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that several applications may run in one process, as in tests."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        explained = "Finished spans by what became of them."
        spans = CounterMetricFamily("drivestream_trace_spans", explained, labels=("result",))
        for result in ("exported", "dropped", "failed"):
            spans.add_metric((result,), getattr(self._queue, result))
        yield spans
