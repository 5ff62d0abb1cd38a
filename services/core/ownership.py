"""Whose work a record is, and whether it is in a hurry: told by its headers. Pure.

Whoever passes over thousands of records must not decode them.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

LONGEST = 256
Headers = Mapping[str, bytes]


class Ownership(NamedTuple):
    """`owner` is the id of an import or a replay. What is `bulk` waits for everything else."""

    owner: str
    bulk: bool


NOBODYS = Ownership("", bulk=False)


def ownership(headers: Headers, is_bulk: Callable[[str, int], bool]) -> Ownership:
    """`is_bulk` says it of a round of an import. A replay is always bulk."""
    replay = headers.get("ce_replayid")
    if replay:
        return Ownership(_text(replay), bulk=True)
    owner = _text(headers.get("ce_importid", b""))
    number = headers.get("ce_round", b"0")
    # An import may be anybody's who can write to the topic; a wrong round costs it its hurry.
    round = int(number) if number.isdigit() and len(number) < LONGEST else 1
    return Ownership(owner, is_bulk(owner, round))


def _text(value: bytes) -> str:
    return value[:LONGEST].decode("utf-8", "replace")
