"""A plan's id holds the plan, and is refused if it is anything else."""

import random
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import blake2b
from string import ascii_letters, digits

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.api.imports import LARGEST_BODY
from services.api.plan_id import (
    LARGEST,
    LONGEST,
    BadPlanError,
    ReplayPlan,
    Stretch,
    plan_id_of,
    plan_of,
)
from services.api.replay_plans import FILES
from services.api.replays import LARGEST_START
from services.core.events import Mode, ReplayScope, Selection

NOW = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)
PLAN = ReplayPlan(
    select=Selection(imports=("import-1",), reasons=("not_found",), since=NOW),
    scope=ReplayScope.FAILED,
    transfer=Mode.CHECK,
    files=14,
    bytes=2**50,
    made_at=NOW,
    topic_ids={topic: "q8Yz6yT1TfGq0s1yGf3M5A" for topic in FILES},
    stretches=tuple(Stretch(topic, p, 0, 1_000_000 + p) for topic in FILES for p in range(12)),
)


def signed(packed: bytes, version: bytes = b"\x01") -> str:
    """An id with a checksum that is right, whatever it holds."""
    digest = blake2b(version + packed, digest_size=8).digest()
    return urlsafe_b64encode(version + digest + packed).decode().rstrip("=")


def why_bad(plan_id: str) -> str:
    with pytest.raises(BadPlanError) as refused:
        plan_of(plan_id)
    return str(refused.value)


def test_a_plan_is_read_back_as_it_was() -> None:
    plan_id = plan_id_of(PLAN)
    assert plan_of(plan_id) == PLAN
    assert plan_id == plan_id_of(PLAN)
    assert set(plan_id) <= {*ascii_letters, *digits, "-", "_"}
    assert len(plan_id) < 800


def test_the_plan_of_the_largest_request_can_be_started() -> None:
    draw = random.Random(1)
    ids = tuple(sorted("".join(draw.choices(ascii_letters + digits, k=61)) for _ in range(1_000)))
    assert len(msgspec.json.encode(ids)) < LARGEST_BODY
    plan = replace(PLAN, select=Selection(files=ids))
    plan_id = plan_id_of(plan)
    assert plan_of(plan_id) == plan
    assert len(plan_id) <= LONGEST
    assert LONGEST + 10 * 4_000 < LARGEST_START  # with a name and a reason that are all escapes


@given(text=st.text() | st.binary().map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_whatever_is_no_plan_is_refused(text: str) -> None:
    assert why_bad(text)


@given(at=st.integers(0, 10_000), by=st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, by: int) -> None:
    plan_id = plan_id_of(PLAN)
    raw = bytearray(urlsafe_b64decode(plan_id + "=" * (-len(plan_id) % 4)))
    raw[at % len(raw)] ^= by
    assert why_bad(urlsafe_b64encode(raw).decode())


@given(length=st.integers(0, 10_000))
def test_an_id_that_is_cut_is_noticed(length: int) -> None:
    plan_id = plan_id_of(PLAN)
    assert why_bad(plan_id[: length % len(plan_id)])


def test_the_reason_is_told() -> None:
    assert "base64" in why_bad("%%%")
    assert "longer" in why_bad("A" * (LONGEST + 1))
    assert "another version" in why_bad(signed(zlib.compress(b"{}"), version=b"\x02"))
    assert "checksum" in why_bad("AQ" + "A" * 40)
    assert "no plan" in why_bad(signed(zlib.compress(b"{}")))
    assert "no plan" in why_bad(signed(b"not zlib"))
    assert "no plan" in why_bad(signed(zlib.compress(b"[" * 100_000)))


def test_a_bomb_is_not_unpacked() -> None:
    bomb = signed(zlib.compress(b" " * 200 * LARGEST, 9))
    assert len(bomb) < LONGEST
    assert "too large" in why_bad(bomb)


@pytest.mark.parametrize(
    "changes",
    [
        {"files": -1},
        {"stretches": (Stretch("files.found", 0, -1, 5),)},
        {"stretches": (Stretch("files.found", 0, 0, 2**63),)},
        {"stretches": PLAN.stretches * 8},
        {"select": Selection(files=("a b",))},
        {"topic_ids": {str(n): "id" for n in range(9)}},
    ],
)
def test_values_that_no_plan_has_are_refused(changes: dict[str, object]) -> None:
    forged = replace(PLAN, **changes)
    assert "no plan" in why_bad(signed(zlib.compress(msgspec.json.encode(forged))))
