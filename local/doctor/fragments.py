"""Pieces of names, to find out what `name contains` looks at."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

WORD = re.compile(r"[A-Za-z]{6,}")
WORDS = re.compile(r"[A-Za-z0-9]+")
LENGTH = 4


@dataclass(frozen=True)
class Fragments:
    """Of one word in a name: its beginning, and a piece of its middle that begins no word."""

    beginning: str
    middle: str


def fragments(names: Sequence[str]) -> Fragments | None:
    """Two pieces that tell prefixes from substrings in these names; None if no name has such."""
    lower = [name.lower() for name in names]
    begun = {word[:LENGTH] for name in lower for word in WORDS.findall(name)}
    for name in lower:
        for word in WORD.findall(name):
            middle = word[1 : 1 + LENGTH]
            if middle not in begun:
                return Fragments(word[:LENGTH], middle)
    return None
