"""Tracing that is on: everything of OpenTelemetry is imported from here."""

import logging
import os
import socket
from collections.abc import MutableMapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import structlog
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, Tracer, TracerProvider
from opentelemetry.trace import get_current_span

from services.adapters.tracing.calls import (
    TracedFiles,
    TracedFolders,
    TracedReceiver,
    TracedStore,
)
from services.adapters.tracing.export import ExportMetrics, ExportQueue, Exports
from services.adapters.tracing.messages import TracedHandler, TracedPublisher
from services.adapters.tracing.port import (
    A_co,
    App,
    Moves,
    PublishesRecords,
    R_co,
    ReadsRecords,
    SendsWebhooks,
    Tracing,
)
from services.adapters.tracing.requests import TracedRequests
from services.adapters.tracing.rows import TracedBatches, TracedReader, TracedRecords
from services.adapters.tracing.sampling import FileSampler
from services.adapters.tracing.settings import TracingSettings
from services.adapters.tracing.spans import MOST_LINKS, Spans
from services.core.ports import HandlesMessages, KeepsObjects, ReadsFolders, ServesFiles
from services.core.version import VERSION

EXPORT_SECONDS = 5.0
"""For one batch, all tries together."""
LONGEST_VALUE = 512
"""Of an attribute, in characters: names and messages come from outside."""


class ExportedTracing(Tracing):
    def __init__(self, settings: TracingSettings, service: str, exporter: Exports) -> None:
        self._service = service
        self._ratio = settings.sampling.ratio
        self._queue = ExportQueue(exporter)
        self._records = TracedRecords()
        provider = TracerProvider(
            sampler=FileSampler(settings.sampling),
            resource=_resource(settings, service),
            span_limits=SpanLimits(max_links=MOST_LINKS, max_span_attribute_length=LONGEST_VALUE),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._queue)
        self._spans = Spans(cast(Tracer, provider.get_tracer("drivestream", VERSION)))
        self._batches = TracedBatches(self._spans, self._records)
        self.metrics: Sequence[Any] = (ExportMetrics(self._queue),)

    def requests(self, app: App) -> App:
        return cast(App, TracedRequests(cast(Any, app), self._spans))

    def publisher(self, inner: PublishesRecords) -> PublishesRecords:
        return TracedPublisher(inner, self._spans, self._service, self._ratio)

    def handler(self, inner: HandlesMessages) -> HandlesMessages:
        return TracedHandler(inner, self._spans)

    def files(self, drive: ServesFiles) -> ServesFiles:
        return TracedFiles(drive, self._spans)

    def folders(self, drive: ReadsFolders) -> ReadsFolders:
        return TracedFolders(drive, self._spans)

    def store(self, store: KeepsObjects) -> KeepsObjects:
        return TracedStore(store, self._spans)

    def receiver(self, client: SendsWebhooks[A_co], endpoint: str) -> SendsWebhooks[A_co]:
        return TracedReceiver(client, endpoint, self._spans)

    def reader(self, inner: ReadsRecords[R_co]) -> ReadsRecords[R_co]:
        return TracedReader(inner, self._records)

    def saving(self, moves: Moves) -> AbstractContextManager[None]:
        return self._batches.saving(moves)

    def close(self) -> None:
        self._queue.shutdown()


def open_exported(settings: TracingSettings, service: str) -> ExportedTracing:
    # Each failed try would be a line. `ExportQueue` says it once a minute.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(
        # As the specification says of a base address.
        endpoint=f"{settings.endpoint}/v1/traces",
        timeout=EXPORT_SECONDS,
        compression=Compression.Gzip,
    )
    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[with_trace_id, *processors])
    return ExportedTracing(settings, service, exporter)


def with_trace_id(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A line of the log that is written within a trace names it, if it is kept."""
    context = get_current_span().get_span_context()
    if context.trace_flags.sampled:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _resource(settings: TracingSettings, service: str) -> Resource:
    return Resource(
        {
            "service.name": settings.service_name or f"drivestream-{service}",
            "service.namespace": "drivestream",
            "service.version": VERSION,
            "service.instance.id": f"{service}@{socket.gethostname()}/{os.getpid()}",
        }
    )
