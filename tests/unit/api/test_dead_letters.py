"""GET /dead-letters: real dead letters in the fake log."""

import pytest

from services.adapters.kafka.dead_letters import SHOWN_BYTES, shown
from services.adapters.kafka.producer import publish_dead_letter
from services.adapters.kafka.reader import Raw
from services.core.topics import DEAD_LETTERS
from services.core.wire import Record
from tests.fakes.log import FakeLog, FakePublisher
from tests.unit.api.conftest import Api


async def put(log: FakeLog, number: int, value: bytes = b"{not json", key: bytes = b"k") -> None:
    """A record that a service could not read."""
    record = Raw(
        topic="files.found", partition=3, offset=number, key=key, value=value, headers={}, at_ms=1
    )
    publisher = FakePublisher(log, RuntimeError, "transfer")
    await publish_dead_letter(publisher, record, f"why {number}", service="transfer")


async def test_a_dead_letter_says_where_from_when_and_why(api: Api) -> None:
    await put(api.log, 17)
    [letter] = (await api.client.get("/dead-letters")).json()
    assert letter.pop("at").startswith("20")
    assert letter == {
        "number": 0,
        "topic": "files.found",
        "partition": 3,
        "offset": 17,
        "reason": "undecodable_event",
        "message": "why 17",
        "key": {"encoding": "utf-8", "data": "k", "size": 1},
        "value": {"encoding": "utf-8", "data": "{not json", "size": 9},
    }


async def test_there_may_be_none(api: Api) -> None:
    answer = await api.client.get("/dead-letters")
    assert (answer.status_code, answer.json(), answer.links) == (200, [], {})


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_hold_every_letter_once_the_newest_first(api: Api, limit: int) -> None:
    for number in range(7):
        await put(api.log, number)
    address: str | None = f"/dead-letters?limit={limit}"
    seen: list[int] = []
    while address:
        page = await api.client.get(address)
        assert len(page.json()) <= limit
        seen += [letter["offset"] for letter in page.json()]
        address = page.links.get("next", {}).get("url")
        await put(api.log, 100)  # one that comes meanwhile is on no later page
    assert seen == [6, 5, 4, 3, 2, 1, 0]


async def test_letters_that_others_wrote_are_shown_too(api: Api) -> None:
    foreign = {"dlq_original_offset": b"-1", "dlq_error_code": b"\xff", "dlq_original_bytes": b"x"}
    letters = [
        Record(topic=DEAD_LETTERS.name, key=b"", value=b""),
        Record(topic=DEAD_LETTERS.name, key=b"\x00", value=b"\xff", headers=list(foreign.items())),
    ]
    await api.log.append(letters)
    second, first = (await api.client.get("/dead-letters")).json()
    assert (first["topic"], first["offset"], first["reason"]) == ("dead.letters", 0, "unknown")
    assert (second["offset"], second["reason"], second["value"]["size"]) == (1, "\ufffd", 1)
    assert second["value"] == {"encoding": "base64", "data": "/w==", "size": 1}


async def test_kafka_away_and_odd_pages_are_said(api: Api) -> None:
    for query in ("limit=0", "limit=1001", "cursor=x", "cursor=WyJmaWxlcyIsIjEiXQ"):
        assert (await api.client.get(f"/dead-letters?{query}")).status_code == 400
    api.log.available = False
    answer = await api.client.get("/dead-letters")
    assert (answer.status_code, answer.json()["code"]) == (503, "kafka_unavailable")


def test_bytes_are_text_where_they_are_utf_8_and_else_base64() -> None:
    assert shown("Grüße".encode()).data == "Grüße"
    assert shown(b"\xfc").encoding == "base64"
    assert shown(b"a\xc3").encoding == "base64"  # a character that never ended


@pytest.mark.parametrize("shift", range(4))
def test_long_text_is_cut_between_characters(shift: int) -> None:
    whole = "x" * shift + "🌄" * 10_000
    cut = shown(whole.encode())
    assert cut.encoding == "utf-8"
    assert whole.startswith(cut.data)
    assert SHOWN_BYTES - 4 < len(cut.data.encode()) <= SHOWN_BYTES
    assert cut.size == len(whole.encode())


def test_a_letter_that_was_cut_before_has_the_size_of_the_whole() -> None:
    assert shown(b"ab\xc3", size=2_000_000).data == "ab"
    assert shown(b"ab", size=2_000_000).size == 2_000_000
