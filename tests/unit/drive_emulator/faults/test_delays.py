"""Delays: which rule each is, and what is refused as a delay."""

import pytest

from drive_emulator.faults.request_effects import Latency
from drive_emulator.faults.rule import DELAY_KINDS, Match, parse_delay


def test_a_delay_is_a_rule_for_its_kind() -> None:
    rule = parse_delay("list=400")
    assert rule.effect == Latency(seconds=0.4)
    assert rule.match == Match(kinds=["list"])


@pytest.mark.parametrize("kind", DELAY_KINDS)
def test_every_kind_can_wait(kind: str) -> None:
    assert parse_delay(f"{kind}=1").match.kinds == [kind]


@pytest.mark.parametrize(
    "text", ["", "list", "list=", "put=4", "list=-1", "list=x", "list=9999999"]
)
def test_what_is_no_delay_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="MILLISECONDS"):
        parse_delay(text)
