"""The German page translates what services write into the log without a code (`sentences.json`).

The sentences come from the code that writes them.
"""

import ast
import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from services.adapters.catalog.replica import AWAY, ReplicaWatch, _late
from services.adapters.catalog.rows import ReplayRow
from services.api import journey, lag
from services.core.wire import UndecodableError, UnknownEventError, decode
from services.indexer.stalls import lost_replay
from tests.samples import SAMPLES

ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads((ROOT / "web/src/text/de/sentences.json").read_text())
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x y",
    "x" * 5_000,
    [],
    ["\0"] * 300,
    {},
    {"a": 1},
)
ENGLISH = re.compile(r"\b(the|is|must|be|not|an?|at|least|most|and|with|items)\b")


def german(text: str, tables: tuple[str, ...] = ("whole",)) -> str | None:
    """As `web/src/text/sentences.ts`."""
    for table in tables:
        for pattern, words in TABLE[table].items():
            if found := re.fullmatch(pattern, text, re.DOTALL):
                return re.sub(r"\$(\d)", lambda group: _part(found[int(group[1])]), words)
    return None


def _part(text: str) -> str:
    return german(text, ("parts", "whole")) or text


def test_whatever_can_be_wrong_with_a_record_is_said_in_german() -> None:
    whys = {"the value is empty", *_refusals()}
    assert len(whys) > 100
    said = {why: german(why) for why in whys}
    assert [why for why, words in said.items() if words is None] == []
    left = {
        why: words
        for why, words in said.items()
        # The first word is the field.
        if words and ENGLISH.search(words.partition(" ")[2])
    }
    assert left == {}


def test_why_a_replay_was_lost_is_said_in_german() -> None:
    lost = lost_replay(ReplayRow(id="replay-1", pending=1_234_567, parts=12), datetime.now(UTC))
    words = german(lost.message)
    assert words is not None
    assert "1.234.567 Dateien" in words
    assert "12 ungelesene" in words


def test_what_the_system_does_not_know_is_said_in_german() -> None:
    troubles = (AWAY, _late(7.2), _late(math.inf), ReplicaWatch.trouble)
    journeys = (journey.AWAY.format(5.0), journey.GONE, journey.MANY.format(20))
    for said in (*troubles, *journeys, lag.KAFKA_AWAY, lag.DATABASE_AWAY):
        assert not ENGLISH.search(german(said or "") or said or ""), said


def test_every_sentence_that_the_page_translates_is_in_the_source() -> None:
    sources = [path.read_text() for path in (ROOT / "services").rglob("*.py")]
    found = {text for source in sources for text in _texts(ast.parse(source))}
    texts = {re.sub(r"\{[^}]*\}", "7", text) for text in found}
    # That of the replica is put together from two constants.
    prose = [p for p in TABLE["whole"] if re.match("[A-Z`](?!he read replica)", p)]
    assert len(prose) > 8
    assert [p for p in prose if not any(re.fullmatch(p, text, re.DOTALL) for text in texts)] == []


def _refusals() -> Iterator[str]:
    """Why no event can be read, for many ways in which one may be wrong."""
    for value in (b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"1", b'{"type":1}', b'"\xff"'):
        yield from _refusal("files.found", value)
    yield from _refusal("nowhere", b"{}")
    for event in SAMPLES.values():
        whole = msgspec.to_builtins(event)
        for odd in _odd(whole):
            yield from _refusal(event.topic, msgspec.json.encode(odd | {"type": whole["type"]}))


def _refusal(topic: str, value: bytes) -> Iterator[str]:
    try:
        with suppress(UnknownEventError):
            decode(topic, value)
    except UndecodableError as why:
        yield str(why)


def _odd(value: Any) -> Iterator[Any]:
    """The value with one part of it replaced, or left out."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield {key: it for key, it in value.items() if key != name}
            yield from (value | {name: odd} for odd in (*ODD, *_odd(inner)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            for odd in (*ODD, *_odd(inner)):
                yield [*value[:index], odd, *value[index + 1 :]]


def _texts(source: ast.Module) -> Iterator[str]:
    """Every text in it, with 7 where an expression is."""
    for node in ast.walk(source):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (it.value if isinstance(it, ast.Constant) else "7" for it in node.values)
            yield "".join(map(str, parts))
