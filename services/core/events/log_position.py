"""Positions in the log."""

from msgspec import Struct

from services.core.events.values import Name, Natural, Small


class Place(Struct, frozen=True, kw_only=True):
    """The position of a record in the log."""

    topic: Name
    partition: Small
    offset: Natural


class LogEnd(Struct, frozen=True, kw_only=True):
    """Where reading one partition ends: before `offset`."""

    topic: Name
    partition: Small
    offset: Natural
