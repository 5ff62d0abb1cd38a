"""A traceparent comes from outside: W3C Trace Context §3.2 says what counts as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.trace_context import TraceContext, parse_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RIGHT = f"00-{TRACE}-{SPAN}-01"


def parsed(text: str) -> TraceContext | None:
    return parse_traceparent(text.encode())


def test_it_names_a_trace_and_a_span() -> None:
    assert parsed(RIGHT) == TraceContext(int(TRACE, 16), int(SPAN, 16), True)


@pytest.mark.parametrize(
    ("flags", "sampled"), [("00", False), ("01", True), ("03", True), ("fe", False)]
)
def test_one_flag_says_whether_it_is_kept(flags: str, sampled: bool) -> None:
    context = parsed(f"00-{TRACE}-{SPAN}-{flags}")
    assert context is not None
    assert context.sampled is sampled


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        RIGHT.upper(),
        f" {RIGHT}",
        f"{RIGHT}\n",
        f"{RIGHT}-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"0g-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00_{TRACE}_{SPAN}_01",
        f"01-{TRACE}-{SPAN}-01more",
        f"01-{TRACE}-{SPAN}-01-{'x' * 600}",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parsed(text) is None


def test_a_later_version_may_say_more() -> None:
    assert parsed(f"01-{TRACE}-{SPAN}-01-more") == parsed(RIGHT)


@given(st.binary(max_size=80) | st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-.*"))
def test_no_bytes_do_harm(header: bytes) -> None:
    context = parse_traceparent(header)
    assert context is None or parse_traceparent(context.encoded()) == context


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
def test_what_is_written_is_read(trace_id: int, span_id: int, sampled: bool) -> None:
    context = TraceContext(trace_id, span_id, sampled)
    assert parse_traceparent(context.encoded()) == context
