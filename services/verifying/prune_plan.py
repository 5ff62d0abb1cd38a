"""A plan of a prune, and its id: the plan itself, so that no process has to keep it.

As with plans of replays (decisions/0015). The id grants nothing. It says which set of objects a
person has seen: how many, how large, and a digest of their keys. Nothing is deleted if the set is
another one by then.
"""

from base64 import b64decode, urlsafe_b64encode
from datetime import datetime
from hashlib import blake2b
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

VERSION = b"\x01"
DIGEST_BYTES = 8
LONGEST = 1024
"""Characters."""
Natural = Annotated[int, Meta(ge=0)]


class BadPlanError(Exception):
    """Not a plan's id of this version. The message is for a person."""


class PrunePlan(Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """What a prune deletes: objects of `bucket` last written before `before` that no row points to;
    with `others` also those that no import of this database has stored."""

    bucket: Annotated[str, Meta(max_length=255)]
    before: Annotated[datetime, Meta(tz=True)]
    others: bool
    objects: Natural
    bytes: Natural
    digest: Annotated[str, Meta(max_length=64)]


def plan_id_of(plan: PrunePlan) -> str:
    """URL-safe. The same plan has the same id."""
    plain = msgspec.json.encode(plan)
    return urlsafe_b64encode(VERSION + _digest(plain) + plain).rstrip(b"=").decode()


def plan_of(plan_id: str) -> PrunePlan:
    """The plan in an id; raises `BadPlanError`."""
    if len(plan_id) > LONGEST:
        raise BadPlanError(f"it is longer than {LONGEST} characters")
    try:
        padded = plan_id.encode("ascii") + b"=" * (-len(plan_id) % 4)
        raw = b64decode(padded, altchars=b"-_", validate=True)
    except ValueError:
        raise BadPlanError("it is not base64") from None
    version, digest, plain = raw[:1], raw[1 : 1 + DIGEST_BYTES], raw[1 + DIGEST_BYTES :]
    if version != VERSION:
        raise BadPlanError("another version of Drivestream made it, or it is incomplete")
    if digest != _digest(plain):
        raise BadPlanError("its checksum is wrong, so it is incomplete or was changed")
    try:
        return msgspec.json.decode(plain, type=PrunePlan)
    except (ValueError, RecursionError):
        raise BadPlanError("it contains no plan") from None


def _digest(plain: bytes) -> bytes:
    return blake2b(VERSION + plain, digest_size=DIGEST_BYTES).digest()
