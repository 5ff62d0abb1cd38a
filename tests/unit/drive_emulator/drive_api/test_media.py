"""Ranges of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_emulator.drive_api.media import ByteRange, read_range, slice_parts
from drive_emulator.http.errors import ApiError


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("", None),
        ("bytes=0-99", ByteRange(0, 100)),
        ("bytes=90-", ByteRange(90, 100)),
        ("bytes=90-5000", ByteRange(90, 100)),
        ("bytes=-10", ByteRange(90, 100)),
        ("bytes=-5000", ByteRange(0, 100)),
        ("bytes=99-99", ByteRange(99, 100)),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=٣-٤", None),
        ("bytes=0-" + "9" * 5_000, None),
    ],
)
def test_a_range_header_is_parsed_for_a_file_of_100_bytes(
    header: str, span: ByteRange | None
) -> None:
    assert read_range(header, 100) == span


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)]
)
def test_a_range_after_the_end_cannot_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(ApiError) as refused:
        read_range(header, size)
    assert refused.value.status == 416
    assert refused.value.headers == ((b"content-range", b"bytes */%d" % size),)


@given(st.lists(st.binary(max_size=9), max_size=6), st.integers(0, 40), st.integers(0, 40))
def test_slicing_parts_equals_slicing_their_sum(
    parts: list[bytes], start: int, length: int
) -> None:
    whole = b"".join(parts)
    span = ByteRange(start, min(start + length, len(whole)))
    assert b"".join(slice_parts(iter(parts), span)) == whole[span.start : span.stop]
