"""`workers.status`: what every process does now."""

from operator import attrgetter
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from services.core.events.values import Id, Identity, Name, Natural, Reason, Small, Text, Time


class Waiting(Struct, frozen=True, kw_only=True):
    """Why a process waits: a reason code, a message, and when it tries again."""

    reason: Reason
    message: Text
    until: Time | None = None


class QuotaUse(Struct, frozen=True, kw_only=True):
    """Drive's quota as one process sees it, in units a minute.

    `limit` is its share, `allowed` what refusals leave of that; both are None if there is no limit.
    `used` counts the last minute, `refused` all requests that Drive has refused.
    """

    limit: Natural | None = None
    allowed: Natural | None = None
    used: Natural = 0
    waiting: Small = 0
    refused: Natural = 0


AFTER_CRASHES = "after_crashes"
"""Why a worker is slow that takes up little at a time, because others died of something in it."""
MOST_NAMED = 50
"""Imports and replays that one status names."""
Averages = Annotated[dict[Reason, float], Meta(max_length=20)]


class WorkerStatus(Struct, frozen=True, kw_only=True, tag=True):
    """The state of one process: `running`, `waiting` or `stopped`.

    `quota_share` is the fraction of the Drive quota that it may spend, from 0 to 1. `limited_by` is
    what limits its speed while it runs, such as a slow connection. `waiting_on` is the system that
    it waits for: `drive` or `store`. `oldest_unfinished_seconds` is how long it has worked on the
    message that it began first.

    `holds` are its partitions, each as `TOPIC/PARTITION`. It works on up to `concurrency` messages
    at once. `in_hand` says how many of them, on average of the last seconds, are at each system, or
    wait for quota or memory, and `call_seconds` how long one is there. `busy` is the part of the
    time in which it computed or waited for a processor, from 0 to 1. Memory is in bytes. `works_on`
    names the imports and replays of which it had something in hand in the last 10 seconds, the
    newest first.
    """

    topic: ClassVar[str] = "workers.status"
    key = subject = property(attrgetter("worker_id"))

    worker_id: Id
    service: str
    state: str
    at: Time
    waiting_for: Waiting | None = None
    in_flight: Small = 0
    oldest_unfinished_seconds: float = 0.0
    quota_share: float = 0.0
    limited_by: Waiting | None = None
    waiting_on: Annotated[str, Meta(max_length=64)] = ""
    holds: Annotated[tuple[Name, ...], Meta(max_length=1_000)] = ()
    concurrency: Small = 0
    in_hand: Averages = {}
    call_seconds: Averages = {}
    busy: float = 0.0
    memory_used: Natural = 0
    memory_limit: Natural = 0
    quota: QuotaUse | None = None
    works_on: Annotated[tuple[Id, ...], Meta(max_length=MOST_NAMED)] = ()

    @property
    def identity(self) -> Identity:
        return self.worker_id, self.at.isoformat()
