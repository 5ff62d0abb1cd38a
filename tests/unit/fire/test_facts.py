"""What `tests.fire` says of the events in the log, and of dead letters."""

import json
from dataclasses import replace
from typing import Any

import msgspec

from docs.generate import documents
from services.adapters.kafka.reader import Raw
from services.core.wire import encode
from tests.fire.checks.facts import contract, repeats
from tests.fire.checks.poison import HEADERS, Poison, set_aside
from tests.samples import SAMPLES

SCHEMA: dict[str, Any] = json.loads(documents()["events.schema.json"])
PLACE = ("files.found", 3, 9)


def raw(name: str = "FileStored", **changes: Any) -> Raw:
    record = encode(SAMPLES[name], source="test")
    found = Raw(
        topic=record.topic,
        partition=3,
        offset=9,
        key=record.key,
        value=record.value,
        headers=dict(record.headers),
    )
    return msgspec.structs.replace(found, **changes)


def letter(**changes: Any) -> Raw:
    headers = dict.fromkeys(HEADERS, b"1") | {
        "dlq_original_topic": b"files.found",
        "dlq_original_partition": b"3",
        "dlq_original_offset": b"9",
    }
    found = Raw(topic="dead.letters", partition=0, offset=0, key=b"k", value=b"{}", headers=headers)
    return msgspec.structs.replace(found, **changes)


def test_what_is_published_keeps_the_contract() -> None:
    verdict = contract([raw(name) for name in SAMPLES], set(), SCHEMA)
    assert verdict.holds, verdict.wrong


def test_what_breaks_the_contract_is_told() -> None:
    headers = raw().headers
    for broken in (
        raw(value=b"{}"),
        raw(value=None),
        raw(key=b"other"),
        raw(headers={**headers, "ce_id": b"other"}),
        raw(headers={k: v for k, v in headers.items() if k != "ce_type"}),
    ):
        assert not contract([broken], set(), SCHEMA).holds
        assert contract([broken], {("files.stored", 3, 9)}, SCHEMA).holds


def test_an_event_is_held_against_its_schema() -> None:
    strict = json.loads(json.dumps(SCHEMA))
    strict["$defs"]["FileStored"]["properties"]["size"] = {"type": "string"}
    assert not contract([raw()], set(), strict).holds


def test_more_repeats_than_blows_explain_are_told() -> None:
    facts = [("id-1", "f1"), ("id-2", "f2"), ("id-1", "f1")]
    assert repeats(facts, 1, 1).holds
    assert not repeats(facts, 0, 1).holds


def test_poison_that_is_set_aside_whole_holds() -> None:
    poison = Poison(place=PLACE, value=b"{}")
    assert set_aside([poison], [letter(), letter()], {}).holds
    owned = replace(poison, import_id="a", file_id="x")
    assert set_aside([owned], [letter()], {("a", "x"): "failed"}).holds


def test_poison_that_is_not_is_told() -> None:
    poison = Poison(place=PLACE, value=b"{}")
    assert not set_aside([poison], [], {}).holds
    assert not set_aside([], [letter()], {}).holds
    assert not set_aside([poison], [letter(value=b"")], {}).holds
    lacks = {k: v for k, v in letter().headers.items() if k != "dlq_error_message"}
    assert not set_aside([poison], [letter(headers=lacks)], {}).holds
    owned = replace(poison, import_id="a", file_id="x")
    assert not set_aside([owned], [letter()], {}).holds
