"""A Drive that is far away: `--delay list=400` is short for a rule that makes listings wait."""

from drive_emulator.faults.request_effects import Latency
from drive_emulator.faults.rule import Match, RuleSpec

MAX_MS = 600_000
KINDS = (
    "list",
    "get",
    "media",
    "export",
    "download",
    "about",
    "drives",
    "changes",
    "batch",
    "token",
)


def parse_delay(text: str) -> RuleSpec:
    """The rule of `KIND=MILLISECONDS`; raises `ValueError` with what would do."""
    kind, _, number = text.partition("=")
    if kind not in KINDS or not number.isdecimal() or int(number) > MAX_MS:
        raise ValueError(f"a delay is one of {', '.join(KINDS)}, =, and milliseconds: list=400")
    wait = Latency(seconds=int(number) / 1000)
    return RuleSpec(effect=wait, match=Match(kinds=[kind]), note=f"--delay {text}")
