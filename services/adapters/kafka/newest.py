"""Reads the newest records of any topic, for people who want to see what passes through it."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from heapq import nlargest

from msgspec import Struct

from services.adapters.kafka.dead_letters import ShownBytes, shown
from services.adapters.kafka.ranges import read_up_to
from services.adapters.kafka.reader import Raw, ReadsLog
from services.core.wire import UndecodableError, UnknownEventError, decode

SHOWN_BYTES = 64 * 1024
READ_AT_MOST = 20
"""Records at once: each may have megabytes, of which little is kept."""
SILENCE_SECONDS = 8.0
READERS = 2
MOST_HEADERS, LONGEST_HEADER = 50, 1_000
SECRETS = re.compile(
    rb'("(?:resource_key|token)"\s*:\s*")(?:[^"\\]|\\.)*|((?i:resourcekey=))[\w.%-]+'
)
"""What opens a file in Drive to whoever has it. It need not be JSON, since dead letters hold
anything."""


class TopicEvent(Struct, frozen=True, kw_only=True):
    """`type` is null if the record cannot be read as an event of its topic. Of `value`, the first
    64 KiB are shown, with resource keys and page tokens as `…`."""

    partition: int
    offset: int
    at: datetime
    type: str | None
    key: ShownBytes
    headers: Mapping[str, str]
    value: ShownBytes


class NewestReader:
    """Every question opens a reader of its own, on a thread; at most `READERS` at once."""

    def __init__(self, open_log: Callable[[], ReadsLog]) -> None:
        self._open_log = open_log
        self._turns = asyncio.Semaphore(READERS)

    async def newest(self, topic: str, limit: int) -> Sequence[TopicEvent]:
        """Of all its partitions, the newest first. Raises `KafkaUnavailableError`."""
        async with self._turns:
            return await asyncio.to_thread(self._read, topic, limit)

    def _read(self, topic: str, limit: int) -> Sequence[TopicEvent]:
        newest: list[Raw] = []
        with closing(self._open_log()) as log:
            ends = {(topic, p): log.ends(topic, p) for p in log.partitions(topic)}
            bounds = {place: (max(low, end - limit), end) for place, (low, end) in ends.items()}
            pieces = read_up_to(log, bounds, at_most=READ_AT_MOST, silence=SILENCE_SECONDS)
            for records in pieces:
                newest = nlargest(limit, [*newest, *records], key=_time)
        return [_event(record) for record in newest]


def _time(record: Raw) -> tuple[int, int, int]:
    return record.at_ms, record.offset, record.partition


def _event(record: Raw) -> TopicEvent:
    value = record.value or b""
    hidden = SECRETS.sub(_without, value)
    headers = list(record.headers.items())[:MOST_HEADERS]
    return TopicEvent(
        partition=record.partition,
        offset=record.offset,
        at=record.at,
        type=_type(record),
        key=shown(record.key or b""),
        headers={
            name: value.decode("utf-8", "replace")[:LONGEST_HEADER] for name, value in headers
        },
        value=shown(hidden, len(value) if len(hidden) > SHOWN_BYTES else None, SHOWN_BYTES),
    )


def _without(secret: re.Match[bytes]) -> bytes:
    return (secret[1] or secret[2]) + "…".encode()


def _type(record: Raw) -> str | None:
    try:
        return type(decode(record.topic, record.value)).__name__
    except (UndecodableError, UnknownEventError):
        return None
