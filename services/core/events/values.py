"""The types of the values in events, bounded against hostile messages.

Each bound is the bound of the column that the value ends in.
"""

from datetime import datetime
from enum import Enum
from typing import Annotated

from msgspec import Meta

# Python's `$` alone would let a last line break pass; `\Z` is unknown to JavaScript.
Id = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x20\x7f]+$(?!\n)")]
Reason = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}$(?!\n)")]
Target = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]
Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Small = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Size = Annotated[int, Meta(ge=0, le=2**43)]
"""Bytes of a file. Drive's largest file has 5 TB; a million of the largest still fit a sum."""
Name = Annotated[str, Meta(max_length=4096)]
Path = Annotated[tuple[Name, ...], Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=64 * 1024)]
"""Bounded, so that an outcome and the `FileFound` in it always fit one Kafka record."""
Time = Annotated[datetime, Meta(tz=True)]
Md5 = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
Sha1 = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}$(?!\n)")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]

BRIEF_NAME = 120
"""Characters of a name in a manifest: 1,000 of the longest must fit one Kafka record."""

Counts = Annotated[dict[Reason, Natural], Meta(max_length=100)]
ByTopic = Annotated[dict[Name, Natural], Meta(max_length=100)]
Ids = Annotated[tuple[Id, ...], Meta(max_length=1_000)]
Identity = tuple[object, ...]


class Mode(Enum):
    """What the transfer does if the object may already exist."""

    FRESH = "fresh"  # the first import: do not look
    CHECK = "check"  # look, and skip what is there
    FORCE = "force"  # fetch again
    VERIFY = "verify"  # compare the object with what Drive said; ask Drive nothing


class Priority(Enum):
    """How much of a hurry an import is in."""

    NORMAL = "normal"
    BULK = "bulk"  # everything else goes first
