"""Events to Kafka records and back: JSON in the value, CloudEvents (binary mode) in the headers.

Source of the header names: the CloudEvents Kafka protocol binding, and W3C Trace Context.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from services.core import events as e
from services.core.topics import ALL, TOPIC_OF, Topic

NAMESPACE = uuid5(NAMESPACE_URL, "drivestream:events")
CONTENT_TYPE = b"application/json"
MAX_RECORD_BYTES = 4 * 1024 * 1024

_encoder = msgspec.json.Encoder()
_decoders = {
    topic.name: msgspec.json.Decoder(Union[topic.carries])  # noqa: UP007 - built from a tuple
    for topic in ALL
    if topic.carries
}


class UndecodableError(Exception):
    """The bytes are not an event that this topic carries."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a producer hands to Kafka."""

    topic: str
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]] = field(default_factory=tuple)


def key_of(event: e.Message) -> str:
    """The partition key that `topics.py` names for this event."""
    match event:
        case e.WorkerStatus():
            return event.worker_id
        case e.PageRequested():
            return f"{event.import_id}/{event.folder_id}"
        case e.FileFound() | e.FileFailed():
            return event.file_id
        case e.FileStored():
            return event.file.file_id
        case _:
            return event.import_id


def _subject(event: e.Message) -> str:
    """What the event is about: its file, its folder, or else its import."""
    match event:
        case e.PageRequested() | e.PageListed() | e.FolderFailed():
            return event.folder_id
        case _:
            return key_of(event)


def event_id(event: e.Message) -> UUID:
    """The same fact has the same id, however often it is published: readers may drop repeats."""
    return uuid5(NAMESPACE, "/".join((type(event).__name__, *map(str, _identity(event)))))


def _identity(event: e.Message) -> tuple[object, ...]:
    match event:
        case e.WorkerStatus():
            return event.worker_id, event.at.isoformat()
        case e.PageRequested() | e.PageListed() | e.FolderFailed():
            page = event.pass_number, event.page_number
            return event.import_id, event.folder_id, *page, event.epoch
        case e.FileFound():
            return _file_identity(event)
        case e.FileStored():
            return *_file_identity(event.file), event.unchanged
        case e.FileFailed():
            if event.file is not None:
                return *_file_identity(event.file), event.reason
            return event.import_id, event.file_id, event.round, event.epoch, event.reason
        case _:
            return event.import_id, event.epoch


def _file_identity(file: e.FileFound) -> tuple[object, ...]:
    return file.import_id, file.file_id, file.version, file.round, file.epoch, file.replay_id


def topic_of(event: e.Message) -> Topic:
    """The one topic that carries this kind of event."""
    return TOPIC_OF[type(event)]


def encode(event: e.Message, *, source: str) -> Record:
    """One record, ready to produce. `source` is the service, e.g. `lister`."""
    return Record(
        topic=topic_of(event).name,
        key=key_of(event).encode(),
        value=_encoder.encode(event),
        headers=_headers(event, source),
    )


def _headers(event: e.Message, source: str) -> tuple[tuple[str, bytes], ...]:
    identity = event_id(event)
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", str(identity).encode()),
        ("ce_source", f"/drivestream/{source}".encode()),
        ("ce_type", f"drivestream.{type(event).__name__}.v1".encode()),
        ("content-type", CONTENT_TYPE),
    )
    if isinstance(event, e.WorkerStatus):
        return headers
    # One trace per import: its id is computed, so every hop continues it without being told.
    trace = uuid5(NAMESPACE, event.import_id).hex
    return (
        *headers,
        ("ce_importid", event.import_id.encode()),
        ("ce_subject", _subject(event).encode()),
        ("ce_round", str(getattr(event, "round", 0)).encode()),
        ("ce_epoch", str(event.epoch).encode()),
        ("traceparent", f"00-{trace}-{identity.hex[:16]}-01".encode()),
    )


def decode(topic: str, value: bytes | None) -> e.Message:
    """The event in a record's value; raises `UndecodableError` with a sentence."""
    if value is None:
        raise UndecodableError("the value is empty")
    try:
        event: e.Message = _decoders[topic].decode(value)
    except KeyError:
        raise UndecodableError(f"no events are expected in {topic}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise UndecodableError(str(why)) from why
    if not _agrees_with_itself(event):
        raise UndecodableError("the event and the file in it are not of one import and file")
    return event


def _agrees_with_itself(event: e.Message) -> bool:
    match event:
        case e.FileStored():
            return event.import_id == event.file.import_id
        case e.FileFailed(file=e.FileFound() as file):
            return (event.import_id, event.file_id) == (file.import_id, file.file_id)
        case _:
            return True


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """What the key and the headers of an undecodable record still tell."""

    import_id: str
    subject: str
    round: int
    epoch: int


def orphan(topic: str, key: bytes | None, headers: Mapping[str, bytes]) -> Orphan | None:
    """Whose record this was, or None where not even that can be told."""
    text = (key or b"").decode("utf-8", "replace")
    import_id = headers.get("ce_importid", b"").decode("utf-8", "replace")
    if topic == "imports.pages" and "/" in text:
        from_key, _, text = text.partition("/")
        import_id = import_id or from_key
    elif topic == "imports.listed":
        import_id, text = text, headers.get("ce_subject", b"").decode("utf-8", "replace")
    try:
        # What is no valid id would make the failure as undecodable as the message was.
        import_id, subject = msgspec.convert(import_id, e.Id), msgspec.convert(text, e.Id)
    except msgspec.ValidationError:
        return None
    return Orphan(
        import_id=import_id,
        subject=subject,
        round=_number(headers.get("ce_round")),
        epoch=_number(headers.get("ce_epoch")),
    )


def _number(raw: bytes | None) -> int:
    text = (raw or b"0").decode("ascii", "replace")
    return int(text) if text.isdecimal() and len(text) < 10 else 0
