"""The bytes of a file, whole or a range of them, without copying them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from drive_emulator.containers import Part
from drive_emulator.errors import range_not_satisfiable
from drive_emulator.stock import Stock
from drive_emulator.tree import File

_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)
_DIGITS = 19  # more would not be a size


class Span(NamedTuple):
    """From the first byte to the one after the last."""

    start: int
    stop: int


def read_range(header: str, size: int) -> Span | None:
    """The span of a Range header; None to answer with the whole (RFC 9110, 14.2).

    That is so without a header, for other units, for several ranges (which Drive does not serve),
    and for what is no range at all. Raises `ApiError` 416 for one that begins after the end.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or len(found[1]) > _DIGITS or len(found[2]) > _DIGITS:
        return None
    first, last = found[1], found[2]
    if not first:
        if not last:
            return None
        length = min(int(last), size)
        if length == 0:
            raise range_not_satisfiable(size)
        return Span(size - length, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise range_not_satisfiable(size)
    return Span(int(first), min(int(last) + 1, size) if last else size)


def body(file: File, stock: Stock) -> Iterator[Part]:
    """All parts of a file, in order: what it shares with others, then what is its own."""
    yield from stock.contents.parts
    yield stock.container.suffix(file.tag)


def cut(parts: Iterator[Part], span: Span) -> Iterator[Part]:
    """The part of each part that lies in the span."""
    place = 0
    for part in parts:
        first, last = max(span.start - place, 0), min(span.stop - place, len(part))
        if first < last:
            yield memoryview(part)[first:last]
        place += len(part)
        if place >= span.stop:
            return
