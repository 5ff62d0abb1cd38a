"""Dead letters: what cannot be decoded is kept, acknowledged, and reported as a failure.

The bytes go to `dead.letters` with headers that say where they came from and why. The failure that
key and headers still allow is published with them, so that no import waits for ever. Only then may
the offset be passed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Protocol

import msgspec
import structlog

from services.adapters.kafka.reader import Raw
from services.core import events as e
from services.core.topics import DEAD_LETTERS, IMPORTS_LISTED, IMPORTS_PAGES
from services.core.wire import Record, encode

REASON = "undecodable_event"
# A dead letter must fit a record: the broker checks compressed sizes, we check ours.
LONGEST_VALUE = 1024 * 1024
LONGEST_HEADERS = 64 * 1024
log = structlog.get_logger("kafka")


class PublishesRecords(Protocol):
    async def publish(self, events: Sequence[e.Message | Record]) -> None:
        """Events, and records as they are: return once all are acknowledged."""


async def publish_dead_letter(
    publisher: PublishesRecords, record: Raw, why: str, *, service: str
) -> None:
    """Publish the dead letter and the failure it means; return when both are acknowledged."""
    log.error("kafka.undecodable", **record.place, why=why)
    letters = dead_letter_records(record, why, service=service, at=datetime.now(UTC))
    await publisher.publish(letters)


def dead_letter_records(record: Raw, why: str, *, service: str, at: datetime) -> list[Record]:
    """The dead letter, and the failure event where the record's owner is known."""
    reasons = {
        "dlq_original_topic": record.topic,
        "dlq_original_partition": record.partition,
        "dlq_original_offset": record.offset,
        "dlq_original_timestamp": record.at_ms,
        "dlq_original_group": service,
        "dlq_original_bytes": len(record.value or b""),
        "dlq_error_code": REASON,
        "dlq_error_message": why[:1000],
        "kafka_dlt-original-topic": record.topic,
    }
    letter = Record(
        topic=DEAD_LETTERS.name,
        key=record.key or b"",
        value=(record.value or b"")[:LONGEST_VALUE],
        headers=[*_kept(record.headers), *((k, str(v).encode()) for k, v in reasons.items())],
    )
    failure = _failure(record, why, at)
    return [letter] if failure is None else [letter, encode(failure, source=service)]


def _kept(headers: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """The record's own headers, as many as there is room for."""
    sizes = accumulate(len(name.encode()) + len(value) for name, value in headers.items())
    both = zip(headers.items(), sizes, strict=True)
    return [header for header, size in both if size <= LONGEST_HEADERS]


def _failure(record: Raw, why: str, at: datetime) -> e.FolderFailed | e.FileFailed | None:
    """Of the file or folder that key and headers name; None where they do not tell."""
    key = (record.key or b"").decode("utf-8", "replace")
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers.items()}
    import_id, subject = headers.get("ce_importid"), key
    if record.topic == IMPORTS_PAGES.name and "/" in key:
        from_key, _, subject = key.partition("/")
        import_id = import_id or from_key
    elif record.topic == IMPORTS_LISTED.name:
        import_id, subject = key, headers.get("ce_subject", "")
    failure = {
        "import_id": import_id,
        "epoch": _number(headers.get("ce_epoch", "0")),
        "reason": REASON,
        "message": f"A message about this item could not be read: {why[:300]}",
        "failed_at": at,
    }
    try:
        # An invalid id would make the failure as undecodable as the record was.
        if record.topic in (IMPORTS_PAGES.name, IMPORTS_LISTED.name):
            return msgspec.convert(failure | {"folder_id": subject}, e.FolderFailed)
        if record.topic.startswith("files."):
            failure |= {"file_id": subject, "round": _number(headers.get("ce_round", "0"))}
            return msgspec.convert(failure, e.FileFailed)
    except msgspec.ValidationError:
        pass
    return None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
