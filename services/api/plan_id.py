"""A plan of a replay, and its id: the plan itself, compressed, so that no process has to keep it.

The id is not signed: it grants nothing that its holder could not ask for. The checksum tells an id
that was cut or mistyped from one that is ours, and the version one of another release.
"""

import zlib
from base64 import b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from services.core.events import (
    Id,
    LogEnd,
    Mode,
    Name,
    Natural,
    ReplayScope,
    Selection,
    Small,
    Target,
    Time,
)

VERSION = b"\x01"
DIGEST_BYTES = 8
LONGEST = 96 * 1024
"""Characters. The ids in a selection of the largest body come to less, even if they are random."""
LARGEST = 256 * 1024
"""Bytes of a plan as JSON."""


class BadPlanError(Exception):
    """Not a plan's id of this version. The message is for a person."""


class Stretch(NamedTuple):
    """What the log held of one partition when the plan was made: from `start` to `end`, excluded.
    The replay reads up to `end`."""

    topic: Name
    partition: Small
    start: Natural
    end: Natural


class ReplayPlan(Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """What a replay selects and how, with the counts that were promised."""

    select: Selection
    scope: ReplayScope
    transfer: Mode
    files: Natural
    bytes: Natural
    made_at: Time
    topic_ids: Annotated[dict[Name, Id], Meta(max_length=8)]
    stretches: Annotated[tuple[Stretch, ...], Meta(max_length=256)]
    target: Target | None = None

    @property
    def ends(self) -> tuple[LogEnd, ...]:
        return tuple(
            LogEnd(topic=topic, partition=partition, offset=end)
            for topic, partition, _, end in self.stretches
        )


def plan_id_of(plan: ReplayPlan) -> str:
    """URL-safe, at most `LONGEST` characters. The same plan has the same id."""
    packed = zlib.compress(msgspec.json.encode(plan), 9)
    return urlsafe_b64encode(VERSION + _digest(packed) + packed).rstrip(b"=").decode()


def plan_of(plan_id: str) -> ReplayPlan:
    """The plan in an id; raises `BadPlanError`. It takes bounded memory, whatever the id."""
    if len(plan_id) > LONGEST:
        raise BadPlanError(f"it is longer than {LONGEST} characters")
    try:
        padded = plan_id.encode("ascii") + b"=" * (-len(plan_id) % 4)
        raw = b64decode(padded, altchars=b"-_", validate=True)
    except ValueError:
        raise BadPlanError("it is not base64") from None
    version, digest, packed = raw[:1], raw[1 : 1 + DIGEST_BYTES], raw[1 + DIGEST_BYTES :]
    if version != VERSION:
        raise BadPlanError("another version of Drivestream made it, or it is incomplete")
    if digest != _digest(packed):
        raise BadPlanError("its checksum is wrong, so it is incomplete or was changed")
    try:
        inflate = zlib.decompressobj()
        plain = inflate.decompress(packed, LARGEST)
        if not inflate.eof:
            raise BadPlanError("it is incomplete or too large")
        return msgspec.json.decode(plain, type=ReplayPlan)
    except (zlib.error, ValueError, RecursionError):
        raise BadPlanError("it contains no plan") from None


def _digest(packed: bytes) -> bytes:
    return blake2b(VERSION + packed, digest_size=DIGEST_BYTES).digest()
