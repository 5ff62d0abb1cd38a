"""The log itself: each event keeps the contract, and repeats are few."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

from jsonschema import Draft202012Validator

from services.adapters.kafka.reader import Raw
from services.core.events import Message, OfNoImport
from services.core.wire import UndecodableError, UnknownEventError, decode, event_id
from tests.fire.checks.verdict import Verdict, unlike, verdict

Place = tuple[str, int, int]
"""Topic, partition and offset."""


def place_of(raw: Raw) -> Place:
    return raw.topic, raw.partition, raw.offset


def contract(records: Iterable[Raw], poison: Set[Place], schema: Mapping[str, object]) -> Verdict:
    """Each event decodes, matches its JSON Schema, and has the headers and the key that say what
    it is. What the fire threw in itself is left out."""
    validators = _validators(schema)
    counted: Counter[str] = Counter()

    def wrong() -> Iterator[str]:
        for raw in records:
            if place_of(raw) in poison:
                continue
            try:
                event = decode(raw.topic, raw.value)
            except (UndecodableError, UnknownEventError) as why:
                yield f"{place_of(raw)} cannot be read: {why}"
                continue
            counted[type(event).__name__] += 1
            for fault in validators(type(event).__name__).iter_errors(json.loads(raw.value or b"")):
                yield f"{place_of(raw)} does not match its schema: {fault.message[:300]}"
            yield from _headers(raw, event)

    faults = list(wrong())
    told = f"{counted.total()} events of {len(counted)} types"
    return verdict("every event keeps the contract", told, faults)


def repeats(stored: Sequence[tuple[str, str]], blows: int, in_hand: int) -> Verdict:
    """A fact that is there twice has the same id, so readers drop it. It is there twice only for
    what was in hand when a worker or a server was struck. `stored` are pairs of event id and
    file id, as they lie in the log."""
    again = Counter(id for id, _ in stored)
    extra = sum(again.values()) - len(again)
    most = blows * in_hand

    def wrong() -> Iterator[str]:
        if extra > most:
            file, count = again.most_common(1)[0]
            yield f"{extra} repeats, {blows} blows explain {most}; {file} is there {count} times"

    told = f"{len(again)} facts, {extra} repeats; {blows} blows explain {most}"
    return verdict("repeats are bounded", told, wrong())


def _headers(raw: Raw, event: Message) -> Iterator[str]:
    name = type(event).__name__
    expected = {
        "ce_specversion": "1.0",
        "ce_type": f"drivestream.{name}.v1",
        "ce_id": event_id(event),
        "content-type": "application/json",
    }
    if not isinstance(event, OfNoImport):
        expected |= {"ce_importid": event.import_id, "ce_epoch": str(event.epoch)}
    for header, value in expected.items():
        found = raw.headers.get(header, b"").decode(errors="replace")
        yield from unlike(f"{header} of {place_of(raw)}", value, found)
    yield from unlike(f"key of {place_of(raw)}", event.key, (raw.key or b"").decode())


def _validators(schema: Mapping[str, object]) -> Callable[[str], Draft202012Validator]:
    known: dict[str, Draft202012Validator] = {}

    def of(name: str) -> Draft202012Validator:
        if name not in known:
            of_one = {"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]}
            known[name] = Draft202012Validator(of_one)
        return known[name]

    return of
