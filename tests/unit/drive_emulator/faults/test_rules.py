"""Which requests a rule hits: by content, number, chance and time."""

from typing import Any

import pytest

from drive_emulator.faults.engine import MAX_RULES
from drive_emulator.faults.request_effects import Latency
from drive_emulator.faults.rule import DELAY_KINDS, BadRule, Match, parse_delay, parse_rule
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import ACCOUNT, TOKEN, InProcessEmulator, caller
from tests.unit.drive_emulator.conftest import KEY

BUSY: dict[str, Any] = {"reason": "backendError"}


@pytest.fixture
def drive(store: TreeStore, small: Tree) -> InProcessEmulator:
    return InProcessEmulator(store, small)


async def hits(drive: InProcessEmulator, count: int) -> list[int]:
    """The numbers of those of so many downloads that were refused."""
    statuses = [(await drive.media()).status_code for _ in range(count)]
    return [number for number, status in enumerate(statuses, 1) if status == 500]


async def test_a_rule_matches_its_kinds(drive: InProcessEmulator) -> None:
    drive.fault("refuse", {"kinds": ["media", "get"]}, **BUSY)
    statuses = [await drive.media(), await drive.get(), await drive.listed()]
    assert [answer.status_code for answer in statuses] == [500, 500, 200]


async def test_a_rule_matches_a_file_or_names(drive: InProcessEmulator) -> None:
    drive.fault("refuse", {"id": drive.picture(1).id}, **BUSY)
    drive.fault("refuse", {"name": f"*{drive.picture(2).entry.name[1:]}"}, **BUSY)
    statuses = [(await drive.media(number)).status_code for number in range(4)]
    assert statuses == [200, 500, 500, 200]


async def test_for_a_listing_an_id_is_a_folder_in_the_query(drive: InProcessEmulator) -> None:
    drive.fault("refuse", {"kinds": ["list"], "id": drive.folder}, **BUSY)
    other = File(drive.small, 2).id
    assert (await drive.listed()).status_code == 500
    assert (await drive.listed(f"'{other}' in parents")).status_code == 200


async def test_a_rule_matches_queries_that_contain_a_text(drive: InProcessEmulator) -> None:
    drive.fault("refuse", {"q": "trashed"}, **BUSY)
    assert (await drive.listed()).status_code == 200
    q = f"'{drive.folder}' in parents and trashed = false"
    assert (await drive.listed(q)).status_code == 500


async def test_a_rule_matches_a_key_or_a_user(drive: InProcessEmulator) -> None:
    drive.fault("refuse", {"user": ACCOUNT}, **BUSY)
    drive.fault("refuse", {"key": "another"}, **BUSY)
    assert (await drive.listed()).status_code == 200
    async with caller(drive.state, token=TOKEN) as client:
        assert (await client.get("/drive/v3/files")).status_code == 500
    drive.fault("refuse", {"key": KEY}, **BUSY)
    assert (await drive.listed()).status_code == 500


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"first": 2}, [1, 2]),
        ({"every": 3}, [3, 6, 9]),
        ({"from": 4, "to": 6}, [4, 5, 6]),
        ({"from": 9}, [9, 10]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "from": 3, "times": 2}, [4, 6]),
        ({"probability": 0.0}, []),
        ({"probability": 1.0}, list(range(1, 11))),
    ],
)
async def test_a_rule_hits_by_number(
    drive: InProcessEmulator, match: dict[str, Any], expected: list[int]
) -> None:
    rule = drive.fault("refuse", match, **BUSY)
    assert await hits(drive, 10) == expected
    assert (rule.matched, rule.hits) == (10, len(expected))


async def test_random_hits_are_the_same_for_the_same_seed(store: TreeStore, small: Tree) -> None:
    drawn = []
    for seed in (7, 7, 8):
        drive = InProcessEmulator(store, small)
        drive.fault("refuse", {"probability": 0.4, "seed": seed}, **BUSY)
        drawn.append(await hits(drive, 40))
    assert drawn[0] == drawn[1] != drawn[2]
    assert 5 < len(drawn[0]) < 30


async def test_a_rule_can_be_limited_in_time(drive: InProcessEmulator) -> None:
    drive.fault("refuse", {"after_s": 60, "for_s": 60}, **BUSY)
    seen = []
    for _ in range(3):
        seen.append((await drive.media()).status_code)
        drive.state.clock.advance(61)
    assert seen == [200, 500, 200]


async def test_rules_act_one_after_the_other(drive: InProcessEmulator) -> None:
    drive.fault("flip", offset=0, bit=0)
    drive.fault("truncate", after_bytes=10, length="right")
    answer = await drive.media()
    assert answer.content[:1] == b"\xfe"
    assert len(answer.content) == 10


async def test_removed_rules_have_no_effect(drive: InProcessEmulator) -> None:
    plain = await drive.media()
    rule = drive.fault("refuse", **BUSY)
    assert (await drive.media()).status_code == 500
    assert drive.state.faults.remove(rule.number)
    assert not drive.state.faults.any
    assert (await drive.media()).content == plain.content


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{", "invalid rule"),
        (b"\xff", "invalid rule"),
        (b"[" * 100_000, "invalid rule"),
        (b"{}", "missing required field `effect`"),
        (b'{"effect": {"do": "dance"}}', "dance"),
        (b'{"effect": {"do": "refuse", "reason": "nonsense"}}', "a status, or a reason of"),
        (b'{"effect": {"do": "refuse", "status": 99}}', "status"),
        (b'{"effect": {"do": "refuse", "style": "loud"}}', "style"),
        (b'{"effect": {"do": "latency", "seconds": -1}}', "seconds"),
        (b'{"effect": {"do": "latency", "seconds": 2, "spread": "uniform"}}', "needs `to_s`"),
        (b'{"effect": {"do": "flip", "bit": 8}}', "bit"),
        (b'{"effect": {"do": "stall"}, "match": {"nth": 1}}', "nth"),
        (b'{"effect": {"do": "stall"}, "match": {"probability": 2}}', "probability"),
        (b'{"effect": {"do": "stall"}, "match": {"first": 0}}', "first"),
    ],
)
def test_an_invalid_rule_is_refused_with_the_reason(text: bytes, why: str) -> None:
    with pytest.raises(BadRule, match=why):
        parse_rule(text)


def test_the_number_of_rules_is_limited(drive: InProcessEmulator) -> None:
    for _ in range(MAX_RULES):
        drive.fault("refuse", **BUSY)
    with pytest.raises(BadRule, match="1,000 rules"):
        drive.fault("refuse", **BUSY)


async def test_rules_are_added_listed_and_removed_below_emu(drive: InProcessEmulator) -> None:
    rule = {"effect": {"do": "refuse", **BUSY}, "match": {"from": 2}, "note": "second"}
    made = await drive.client.post("/_emu/faults", json=rule)
    assert made.status_code == 201
    await drive.media()
    await drive.media()
    [told] = (await drive.client.get("/_emu/faults")).json()["rules"]
    assert (told["matched"], told["hits"], told["note"]) == (2, 1, "second")
    assert told["effect"]["do"] == "refuse"
    assert told["match"]["from"] == 2
    number = made.json()["id"]
    assert (await drive.client.delete(f"/_emu/faults/{number}")).json() == {"rules": []}
    assert (await drive.client.delete(f"/_emu/faults/{number}")).status_code == 404
    await drive.client.post("/_emu/faults", json=rule)
    assert (await drive.client.delete("/_emu/faults")).json() == {"rules": []}
    refused = await drive.client.post("/_emu/faults", json={"effect": {"do": "dance"}})
    assert refused.status_code == 400
    assert "dance" in refused.json()["error"]


def test_a_delay_is_a_rule_for_one_kind() -> None:
    rule = parse_delay("list=400")
    assert rule.effect == Latency(seconds=0.4)
    assert rule.match == Match(kinds=["list"])


@pytest.mark.parametrize("kind", DELAY_KINDS)
def test_every_kind_can_be_delayed(kind: str) -> None:
    assert parse_delay(f"{kind}=1").match.kinds == [kind]


@pytest.mark.parametrize(
    "text", ["", "list", "list=", "put=4", "list=-1", "list=x", "list=9999999"]
)
def test_a_malformed_delay_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="MILLISECONDS"):
        parse_delay(text)
