"""Which spans are kept. It is decided where a trace begins, and its traceparent carries it on."""

from collections.abc import Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span

from services.adapters.tracing.settings import Sampling

FILE_ID = "drivestream.file.id"
DROP = SamplingResult(Decision.DROP)


class FileSampler(Sampler):
    """Traces of imports are kept: they are few. So is a file's trace that begins with a link to its
    import's, since `messages.py` begins none other. A file that comes without a trace is sampled by
    ratio, too."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._bound = TraceIdRatioBased.get_bound_for_rate(sampling.ratio)

    def should_sample(  # noqa: PLR0913 - the SDK asks so
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = get_current_span(parent_context).get_span_context()
        # Only a caller's wish may be passed over: within one trace all services must agree.
        if parent.is_valid and (self._sampling.parent_based or kind is not SpanKind.SERVER):
            kept = parent.trace_flags.sampled
        elif links or FILE_ID not in (attributes or ()):
            kept = self._bound > 0
        else:
            kept = (trace_id & TraceIdRatioBased.TRACE_ID_LIMIT) < self._bound
        # The SDK keeps the attributes that a sampler gives, not those that it was given.
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes) if kept else DROP

    def get_description(self) -> str:
        return f"FileSampler({self._sampling})"
