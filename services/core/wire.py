"""Events to Kafka records and back: JSON in the value, CloudEvents (binary mode) in the headers.

Header names are those of the CloudEvents Kafka protocol binding and of W3C Trace Context.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from typing import Any, Union
from uuid import NAMESPACE_URL, uuid5

import msgspec

from services.core import events as e
from services.core.topics import ALL
from services.core.trace_context import HEADER
from services.core.validation import refusal, unreadable

NAMESPACE = uuid5(NAMESPACE_URL, "drivestream:events")
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
Header = tuple[str, bytes]
MAX_RECORD_BYTES = 4 * 1024 * 1024

_decoders = {
    topic.name: msgspec.json.Decoder(Union[topic.carries])  # noqa: UP007 - built from a tuple
    for topic in ALL
    if topic.carries
}
_known_types = {event.__name__ for topic in ALL for event in topic.carries}


class UndecodableError(Exception):
    """Nobody can ever read the bytes as an event of this topic: a dead letter."""


class UnknownEventError(Exception):
    """An event of a type that this version does not know: newer code must read it."""


@dataclass(frozen=True, kw_only=True)
class Record:
    topic: str
    key: bytes
    value: bytes
    headers: Sequence[Header] = ()


def event_id(event: e.Message) -> str:
    """The same fact has the same id, however often it is published: readers may drop repeats.

    A UUID of version 5 (RFC 9562 §5.5), written here because `uuid5` takes three times as long.
    """
    name = "/".join((type(event).__name__, *map(str, event.identity)))
    digits = sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def encode(event: e.Message, *, source: str, traceparent: bytes = b"") -> Record:
    """`source` is the service, e.g. `lister`. `traceparent` says where the event stands in a trace;
    empty if nothing is traced."""
    identity = event_id(event)
    version, constant = _constant(type(event).__name__, source)
    headers = [version, ("ce_id", identity.encode()), *constant]
    if not isinstance(event, e.OfNoImport):
        headers += [
            ("ce_importid", event.import_id.encode()),
            ("ce_subject", event.subject.encode()),
            ("ce_round", b"%d" % getattr(event, "round", 0)),
            ("ce_epoch", b"%d" % event.epoch),
        ]
    if (replay_id := _replay_of(event)) is not None:
        headers.append(("ce_replayid", replay_id.encode()))
    if traceparent:
        headers.append((HEADER, traceparent))
    return Record(
        topic=event.topic,
        key=event.key.encode(),
        value=msgspec.json.encode(event),
        headers=headers,
    )


def _replay_of(event: e.Message) -> str | None:
    """The replay that caused this event, or that it is about."""
    match event:
        case e.FileFound(replay_id=replay_id):
            return replay_id
        case e.FileStored(file=e.FileFound() as file) | e.FileFailed(file=e.FileFound() as file):
            return file.replay_id
        case e.WorkerStatus() | e.WindowCounted():
            return None
    return event.import_id if event.import_id.startswith(e.REPLAY) else None


@lru_cache(maxsize=1024)
def _constant(name: str, source: str) -> tuple[Header, Sequence[Header]]:
    """What all events of one type have: the first header, and those that follow the id."""
    return ("ce_specversion", b"1.0"), (
        ("ce_source", f"/drivestream/{source}".encode()),
        ("ce_type", f"drivestream.{name}.v1".encode()),
        ("content-type", b"application/json"),
    )


def decode(topic: str, value: bytes | None) -> e.Message:
    """The event in a record's value. Raises `UndecodableError` or `UnknownEventError`."""
    if value is None:
        raise UndecodableError("the value is empty")
    try:
        event: e.Message = _decoders[topic].decode(value)
    except KeyError:
        raise UndecodableError(f"no events are expected in {topic}") from None
    except (ValueError, RecursionError) as why:
        _raise_if_unknown(topic, value)
        raise UndecodableError(_in_words(why, _decoders[topic].type)) from why
    match event:
        case e.FileStored(file=e.FileFound() as file) | e.FileFailed(file=e.FileFound() as file):
            if (event.import_id, event.subject) != (file.import_id, file.file_id):
                raise UndecodableError("the event and its file have different ids")
    return event


def _in_words(why: Exception, kind: Any) -> str:
    if not isinstance(why, msgspec.ValidationError):
        return unreadable(why, "the value").rstrip(".")
    field, fault = refusal(why, kind)
    return f"{field or 'the value'} {fault}"


class _Tagged(msgspec.Struct):
    type: str


def _raise_if_unknown(topic: str, value: bytes) -> None:
    try:
        tag = msgspec.json.decode(value, type=_Tagged).type
    except (ValueError, RecursionError):
        return
    if tag.isidentifier() and tag not in _known_types:
        raise UnknownEventError(
            f"{topic} has an event of type {tag[:64]}, which this version does not support. "
            "Upgrade this service. Nothing is lost in the meantime."
        )
