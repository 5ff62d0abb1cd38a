"""Reads `dead.letters`: what could not be read, where it came from, and why."""

import asyncio
import codecs
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.reader import Raw, ReadsLog
from services.core.events import Selection
from services.core.topics import BY_NAME, DEAD_LETTERS

PLACE = (DEAD_LETTERS.name, 0)
SHOWN_BYTES = 4_096
READ_AT_MOST = 20
"""Records at once: each may have a megabyte, of which little is kept."""
READ_SECONDS, SILENCE_SECONDS = 0.5, 10.0
READERS = 2
REDRIVES = "ce_redrives"
MOST_REDRIVES = 3
"""How often one letter is published again, so that a broken one does not go round for ever."""


class ShownBytes(Struct, frozen=True, kw_only=True):
    """The beginning of some bytes: text where they are UTF-8, else base64. `size` is of all."""

    encoding: Literal["utf-8", "base64"]
    data: str
    size: int


class DeadLetter(Struct, frozen=True, kw_only=True):
    """`topic`, `partition` and `offset` are where the record lay that could not be read; `at` is
    when it was set aside. `number` is its place among the dead letters."""

    number: int
    topic: str
    partition: int
    offset: int
    at: datetime
    reason: str
    message: str
    key: ShownBytes
    value: ShownBytes


class DeadLetterReader:
    """Every page opens a reader of its own, on a thread; at most `READERS` at once."""

    def __init__(self, open_log: Callable[[], ReadsLog]) -> None:
        self._open_log = open_log
        self._turns = asyncio.Semaphore(READERS)

    async def newest(self, *, before: int | None, limit: int) -> Sequence[DeadLetter]:
        """The newest first, beginning below the number `before`. Raises `KafkaUnavailableError`."""
        async with self._turns:
            return await asyncio.to_thread(self._read, before, limit)

    def _read(self, before: int | None, limit: int) -> Sequence[DeadLetter]:
        with closing(self._open_log()) as log:
            low, high = log.ends(*PLACE)
            end = high if before is None else min(before, high)
            start = max(low, end - limit)
            if start >= end:
                return []
            log.seek({PLACE: start})
            return list(_letters(log, end))[::-1]


def _letters(log: ReadsLog, end: int) -> Iterator[DeadLetter]:
    heard = time.monotonic()
    while True:
        records = log.read(READ_AT_MOST, READ_SECONDS)
        for record in records:
            if record.offset < end:
                yield _letter(record)
            if record.offset + 1 >= end:
                return
        if records:
            heard = time.monotonic()
        elif time.monotonic() - heard > SILENCE_SECONDS:
            raise KafkaUnavailableError("the dead letters cannot be read")


def _letter(record: Raw) -> DeadLetter:
    """Others may write letters, too: without our headers they lie where they were found."""
    told, value = record.headers, record.value or b""
    return DeadLetter(
        number=record.offset,
        topic=_text(told, "dlq_original_topic", record.topic),
        partition=_number(told, "dlq_original_partition", record.partition),
        offset=_number(told, "dlq_original_offset", record.offset),
        at=datetime.fromtimestamp(max(0, record.at_ms) / 1000, UTC),
        reason=_text(told, "dlq_error_code", "unknown"),
        message=_text(told, "dlq_error_message", ""),
        key=shown(record.key or b""),
        value=shown(value, size=_number(told, "dlq_original_bytes", len(value))),
    )


def is_selected(letter: Raw, select: Selection) -> bool:
    """Whether it meets the selection, is whole, and was not published again too often."""
    headers = {name: value.decode(errors="replace") for name, value in letter.headers.items()}
    topic = BY_NAME.get(headers.get("dlq_original_topic", ""))
    return (
        topic is not None
        and bool(topic.carries)
        and headers.get("dlq_original_bytes") == str(len(letter.value or b""))
        and redrives(letter) < MOST_REDRIVES
        and (not select.imports or headers.get("ce_importid") in select.imports)
        and (not select.reasons or headers.get("dlq_error_code") in select.reasons)
        and (select.since is None or letter.at >= select.since)
        and (select.until is None or letter.at < select.until)
    )


def redrives(letter: Raw) -> int:
    count = letter.headers.get(REDRIVES, b"0")
    return int(count) if count.isdigit() and len(count) < 4 else 0


def shown(data: bytes, size: int | None = None, at_most: int = SHOWN_BYTES) -> ShownBytes:
    """The bytes, cut to `at_most`; `size` is that of the whole, if more were cut before."""
    size = max(size or 0, len(data))
    cut = data[:at_most]
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(cut, final=len(cut) == size)
    except UnicodeDecodeError:
        return ShownBytes(encoding="base64", data=b64encode(cut).decode(), size=size)
    return ShownBytes(encoding="utf-8", data=text, size=size)


def _text(headers: Mapping[str, bytes], name: str, default: str) -> str:
    return headers[name].decode("utf-8", "replace")[:1_000] if name in headers else default


def _number(headers: Mapping[str, bytes], name: str, default: int) -> int:
    text = headers.get(name, b"").decode("ascii", "replace")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else default
