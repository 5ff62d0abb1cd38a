"""Where an event, or a request, stands in a trace: the `traceparent` of W3C Trace Context, which
HTTP and our records carry alike. It comes from outside, so whatever is not one counts as none."""

import re
from typing import NamedTuple

HEADER = "traceparent"
LONGEST = 512
SAMPLED = 0x01
# A later version may append more after a hyphen (§3.2.4).
_FORM = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_FIRST, _NO_VERSION = b"00", b"ff"


class TraceContext(NamedTuple):
    """`trace_id` has 128 bits, `span_id` 64; neither is 0. `sampled` says whether the spans of this
    trace are kept: it is decided where the trace begins."""

    trace_id: int
    span_id: int
    sampled: bool

    def encoded(self) -> bytes:
        return b"00-%032x-%016x-%02x" % (self.trace_id, self.span_id, self.sampled)


def parse_traceparent(header: bytes) -> TraceContext | None:
    """None for anything that is no traceparent."""
    found = _FORM.fullmatch(header) if len(header) <= LONGEST else None
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == _NO_VERSION or (version == _FIRST and more is not None):
        return None
    context = TraceContext(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & SAMPLED))
    return context if context.trace_id and context.span_id else None
